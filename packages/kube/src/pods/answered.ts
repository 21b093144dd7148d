import type { TriggerError } from '@kube-trigger/core';

/** How a target ended: it accepted, or no repetition can help. */
export type Ending = { readonly accepted: string } | { readonly rejected: TriggerError };

/** Remembered endings of all deliveries together. The oldest deliveries are forgotten: their targets are asked again, with the same id. */
const MAX_ENDINGS = 20_000;

/** Which targets of a delivery need not be asked again, by delivery id and target. Lives as long as the plugin's instance. */
export class Answered {
  readonly #deliveries = new Map<string, Map<string, Ending>>();
  #endings = 0;

  constructor(private readonly limit = MAX_ENDINGS) {}

  get size(): number {
    return this.#endings;
  }

  get(delivery: string, target: string): Ending | undefined {
    return this.#deliveries.get(delivery)?.get(target);
  }

  set(delivery: string, target: string, ending: Ending): void {
    const endings = this.#deliveries.get(delivery) ?? new Map<string, Ending>();
    // Set again: the map's order is the order of use.
    this.#deliveries.delete(delivery);
    this.#deliveries.set(delivery, endings);
    if (!endings.has(target)) this.#endings += 1;
    endings.set(target, ending);
    for (const oldest of this.#deliveries.keys()) {
      if (this.#endings <= this.limit || oldest === delivery) break;
      this.forget(oldest);
    }
  }

  /** The delivery has ended. */
  forget(delivery: string): void {
    this.#endings -= this.#deliveries.get(delivery)?.size ?? 0;
    this.#deliveries.delete(delivery);
  }
}
