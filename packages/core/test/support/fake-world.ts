import { concat, from, Observable, of, Subject } from 'rxjs';
import type { PresentEvent, Source, SourceContext, SourceEvent } from './core.js';

/** Things with states, as a level source sees them. */
export class FakeWorld {
  readonly states = new Map<string, PresentEvent>();
  readonly #changes = new Subject<SourceEvent>();
  /** Subscriptions that were not released. */
  open = 0;
  /** How often the source was opened. */
  opened = 0;

  set(key: string, revision: string, parts?: Record<string, string>): void {
    const event: PresentEvent = { change: 'present', key, revision, ...(parts ? { parts } : {}) };
    this.states.set(key, event);
    this.#changes.next(event);
  }

  delete(key: string): void {
    if (this.states.delete(key)) this.#changes.next({ change: 'absent', key });
  }

  /** A version that is known again by its mark. */
  mark(key: string, revision: string, mark: string): void {
    const event: PresentEvent = { change: 'present', key, revision, parts: { part: revision }, mark };
    this.states.set(key, event);
    this.#changes.next(event);
  }

  /** Says anything, also what a source must not say. */
  say(event: unknown): void {
    this.#changes.next(event as SourceEvent);
  }

  /** Ends the present subscription by an error. */
  readonly break = (thrown: unknown): void => this.#broken.next(thrown);
  readonly #broken = new Subject<unknown>();

  /** Of the last time that it was opened. */
  context: SourceContext | undefined;

  readonly source: Source = {
    open: (_config, context) => {
      this.opened += 1;
      this.context = context;
      const broken = new Observable<never>((subscriber) =>
        this.#broken.subscribe((thrown) => subscriber.error(thrown)),
      );
      return new Observable((subscriber) => {
        this.open += 1;
        const said = concat(from([...this.states.values()]), of({ change: 'synced' } as const));
        subscriber.add(() => (this.open -= 1));
        subscriber.add(broken.subscribe(subscriber));
        subscriber.add(this.#changes.subscribe((event) => subscriber.next(event)));
        subscriber.add(said.subscribe((event) => subscriber.next(event)));
      });
    },
  };
}

/** A queue of occurrences, as an edge source sees it; remembers how each was acknowledged. */
export class FakeQueue {
  readonly acks: [revision: string, outcome: string][] = [];
  readonly #occurred = new Subject<SourceEvent>();
  context: SourceContext | undefined;

  push(key: string, revision: string, data?: unknown): void {
    this.#occurred.next({
      change: 'occurred',
      key,
      revision,
      ...(data === undefined ? {} : { data }),
      settled: (outcome) => this.acks.push([revision, outcome]),
    });
  }

  readonly source: Source = {
    open: (_config, context) => {
      this.context = context;
      return concat(of({ change: 'synced' } as const), this.#occurred);
    },
  };
}
