import {
  type Action,
  defineAction,
  defineSource,
  type Outcome,
  type Source,
  type SourceEvent,
} from '@kube-trigger/core';
import { Observable, type Subscriber } from 'rxjs';
import { Type } from 'typebox';

/** Occurrences that are under way at a time: what is settled makes room for the next. */
const UNDER_WAY = 64;
const KEYS = 256;

/** Acknowledgements of the flood, over all its subscriptions. */
export interface Acknowledged {
  /** By outcome. */
  readonly outcomes: Map<Outcome, number>;
  total: number;
}

/** An edge source that says `count` occurrences of 256 keys as fast as they are settled. */
class Flood implements Source<{ readonly count: number }, { readonly n: number }> {
  static acknowledged: Acknowledged = { outcomes: new Map(), total: 0 };

  open({ count }: { readonly count: number }): Observable<SourceEvent<{ readonly n: number }>> {
    return new Observable((subscriber) => {
      subscriber.next({ change: 'synced' });
      new Pump(count, subscriber).fill();
    });
  }
}

class Pump {
  #said = 0;
  #settled = 0;
  #isDue = false;

  constructor(
    private readonly count: number,
    private readonly subscriber: Subscriber<SourceEvent<{ readonly n: number }>>,
  ) {}

  fill(): void {
    this.#isDue = false;
    while (this.#said < this.count && this.#said - this.#settled < UNDER_WAY) {
      const n = this.#said;
      this.#said += 1;
      const settled = (outcome: Outcome) => this.#acknowledge(outcome);
      this.subscriber.next({ change: 'occurred', key: `item-${n % KEYS}`, revision: `r${n}`, data: { n }, settled });
    }
  }

  #acknowledge(outcome: Outcome): void {
    const { acknowledged } = Flood;
    this.#settled += 1;
    acknowledged.total += 1;
    acknowledged.outcomes.set(outcome, (acknowledged.outcomes.get(outcome) ?? 0) + 1);
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => this.fill());
  }
}

/** Starts counting anew. */
export function countAcknowledged(): Acknowledged {
  Flood.acknowledged = { outcomes: new Map(), total: 0 };
  return Flood.acknowledged;
}

export const flood = defineSource({
  name: 'flood',
  summary: 'Says so many occurrences as fast as they are settled.',
  config: Type.Object({ count: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
  semantics: 'edge',
  revisionFormat: 1,
  objects: { never: 'an occurrence of the benchmark has no object' },
  rbac: [],
  useClass: Flood,
});

class Nothing implements Action {
  run() {
    return Promise.resolve({ outcome: 'done' as const, targets: [] });
  }
}

export const nothing = defineAction({
  name: 'nothing',
  summary: 'Answers that it is done.',
  config: Type.Object({}, { additionalProperties: false }),
  semantics: 'edge',
  rbac: [],
  useClass: Nothing,
});
