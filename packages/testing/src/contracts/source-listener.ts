import type { PresentEvent, SourceEvent } from '@kube-trigger/core';
import type { Observable, Subscription } from 'rxjs';
import { eventually } from '../eventually.js';

/** Subscribes to what a source's `open` gave, and keeps what it says until it is disposed of (`using`). */
export class SourceListener implements Disposable {
  readonly events: SourceEvent[] = [];
  /** What ended the subscription. */
  error: unknown;
  readonly #subscription: Subscription;

  constructor(opened: Observable<SourceEvent>) {
    this.#subscription = opened.subscribe({
      next: (event) => this.events.push(event),
      error: (error: unknown) => {
        this.error = error;
      },
    });
  }

  /** Which changes were said, in order. */
  get said(): string[] {
    return this.events.map(({ change }) => change);
  }

  get presents(): PresentEvent[] {
    return this.events.filter((event) => event.change === 'present');
  }

  /** The present states of one key. */
  of(key: string): PresentEvent[] {
    return this.presents.filter((event) => event.key === key);
  }

  /** Of the present states, each once. */
  get revisions(): string[] {
    return [...new Set(this.presents.map(({ revision }) => revision))];
  }

  /** The codes of what it could not see. */
  get errors(): string[] {
    return this.events.flatMap((event) => (event.change === 'degraded' ? [event.error.code] : []));
  }

  /** Waits until such a change was said; gives all that was said until then. */
  async until(change: SourceEvent['change']): Promise<readonly SourceEvent[]> {
    await eventually(() => this.said.includes(change), { because: `no ${change}` });
    return this.events;
  }

  [Symbol.dispose](): void {
    this.#subscription.unsubscribe();
  }
}
