import { from, Observable, type SchedulerLike } from 'rxjs';
import type { Logger, RuleIdentity, SourceContext } from '../contract/context.js';
import type { SourceEvent } from '../contract/events.js';
import type { Source } from '../contract/plugin.js';
import { type Cancellation, LazyCancellation } from './attempt.js';
import { checkSourceEvent } from './check-source-event.js';

export interface SourceToOpen<C, D> {
  readonly source: Source<C, D>;
  readonly config: C;
  readonly context: Omit<SourceContext, 'signal'>;
  /** Told of an AsyncIterable that fails when it is ended. */
  readonly onFault?: (thrown: unknown) => void;
}

/** So many occurrences of an AsyncIterable may wait for their end before it is asked for the next one. */
const MAX_UNSETTLED = 256;

/** A source as an Observable, whichever of the two it returns. Its `context.signal` is aborted on unsubscribe and at its end. */
export function openSource<C, D>(opening: SourceToOpen<C, D>): Observable<SourceEvent<D>> {
  const { source, config, context, onFault } = opening;
  return new Observable((subscriber) => {
    const closing = new LazyCancellation();
    // First, so that what waits for the signal lets go before anything else is taken down.
    subscriber.add(() => closing.abort());
    const opened = source.open(config, new LazyContext(context, closing));
    const events = isAsyncIterable(opened) ? pulled(opened, onFault) : from(opened);
    subscriber.add(events.subscribe(subscriber));
  });
}

/** Makes the signal when the source asks for it. A class: the accessor of an object literal costs each object a hidden class of its own. */
class LazyContext implements SourceContext {
  readonly rule: RuleIdentity;
  readonly logger: Logger;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly settledRevision: SourceContext['settledRevision'];
  readonly recall: SourceContext['recall'];
  readonly #closing: Cancellation;

  constructor(context: Omit<SourceContext, 'signal'>, closing: Cancellation) {
    this.rule = context.rule;
    this.logger = context.logger;
    this.scheduler = context.scheduler;
    this.random = context.random;
    this.settledRevision = context.settledRevision;
    this.recall = context.recall;
    this.#closing = closing;
  }

  get signal(): AbortSignal {
    return this.#closing.signal;
  }
}

/** Observables of any copy of RxJS are none, whatever else they are. */
function isAsyncIterable<T>(opened: object): opened is AsyncIterable<T> {
  return opened !== null && typeof opened === 'object' && Symbol.asyncIterator in opened && !('subscribe' in opened);
}

/** RxJS' own conversion asks without a pause, and lets go of an iterator only after its next value. */
function pulled<D>(
  iterable: AsyncIterable<SourceEvent<D>>,
  onFault: ((thrown: unknown) => void) | undefined,
): Observable<SourceEvent<D>> {
  return new Observable((subscriber) => {
    const iterator = iterable[Symbol.asyncIterator]();
    const room = new Room(MAX_UNSETTLED);
    let ended = false;
    const pull = async () => {
      while (!subscriber.closed) {
        const next = await iterator.next();
        if (next.done === true) {
          ended = true;
          return subscriber.complete();
        }
        subscriber.next(room.take(next.value));
        await room.free();
      }
    };
    pull().catch((thrown: unknown) => {
      ended = true;
      subscriber.error(thrown);
    });
    return () => {
      if (!ended) void Promise.resolve(iterator.return?.()).catch((thrown: unknown) => onFault?.(thrown));
    };
  });
}

/** Counts the occurrences that are not settled yet. */
class Room {
  #unsettled = 0;
  #waiting: (() => void) | undefined;

  constructor(private readonly size: number) {}

  /** The same event; an occurrence takes a place until it is settled. */
  take<D>(event: SourceEvent<D>): SourceEvent<D> {
    // One that is left out because it lacks the form is never settled.
    if (event?.change !== 'occurred' || checkSourceEvent(event, 'edge') !== event) return event;
    this.#unsettled += 1;
    return {
      ...event,
      settled: (outcome) => {
        this.#unsettled -= 1;
        this.#waiting?.();
        event.settled?.(outcome);
      },
    };
  }

  async free(): Promise<void> {
    while (this.#unsettled >= this.size) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }
}
