import { type ActionContext, toTriggerError } from '@kube-trigger/core';
import { firstValueFrom, fromEvent, race, timer } from 'rxjs';
import type { Round } from './collect.js';

/** At most a twentieth of the time is spent looking for what may be deleted. */
const REST = 19;

type Wanted = Omit<Round, 'signal'>;

/**
 * Collects in the background, after deliveries: one object's snapshots at a time, each once however often it was asked for. What fails is told to the
 * log and harms nothing: the next delivery asks again.
 */
export class Collector {
  readonly #wanted = new Map<string, { readonly wanted: Wanted; readonly context: ActionContext }>();
  readonly #ended = new AbortController();
  #working: Promise<void> | undefined;

  constructor(private readonly collect: (round: Round) => Promise<readonly string[]>) {}

  soon(wanted: Wanted, context: ActionContext): void {
    if (this.#ended.signal.aborted) return;
    const { resource, namespace, name } = wanted.origin;
    this.#wanted.set(`${resource.kind}/${namespace}/${name}`, { wanted, context });
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Resolves when nothing is asked for any more: for tests. */
  async idle(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  dispose(): void {
    this.#ended.abort(new Error('the rule ended'));
  }

  async #work(): Promise<void> {
    const { signal } = this.#ended;
    for (;;) {
      const [next] = this.#wanted;
      if (next === undefined || signal.aborted) return;
      const [object, { wanted, context }] = next;
      this.#wanted.delete(object);
      const { scheduler, logger } = context;
      const startedAtMs = scheduler.now();
      try {
        const deleted = await this.collect({ ...wanted, signal });
        if (deleted.length > 0) logger.debug({ object, deleted }, 'unused snapshots deleted');
      } catch (thrown) {
        const { code, explanation } = toTriggerError(thrown);
        if (!signal.aborted)
          logger.warn({ object, code, error: explanation }, 'unused snapshots could not be looked for');
      }
      const restMs = (scheduler.now() - startedAtMs) * REST;
      if (restMs > 0) await firstValueFrom(race(timer(restMs, scheduler), fromEvent(signal, 'abort')));
    }
  }
}
