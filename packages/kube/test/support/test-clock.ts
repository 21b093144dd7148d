import { Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';

interface Task {
  readonly at: number;
  readonly run: () => void;
  readonly subscription: Subscription;
}

/** A clock that the test moves. Between two timers it lets promises settle, so that loops written with `await` move on. */
export class TestClock implements SchedulerLike {
  #now = 0;
  #tasks: Task[] = [];

  readonly monotonicMs = (): number => this.#now;

  now(): number {
    return this.#now;
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    const subscription = new Subscription();
    const action = subscription as SchedulerAction<T>;
    this.#tasks.push({ at: this.#now + delay, run: () => work.call(action, state), subscription });
    return subscription;
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settle();
    }
    this.#now = until;
    await settle();
  }

  /** Time passes and no timer fires: the process was stopped. */
  freeze(ms: number): void {
    this.#now += ms;
  }

  #next(until: number): Task | undefined {
    this.#tasks = this.#tasks.filter(({ subscription }) => !subscription.closed).toSorted((a, b) => a.at - b.at);
    return this.#tasks[0] !== undefined && this.#tasks[0].at <= until ? this.#tasks.shift() : undefined;
  }
}

/** Lets everything run that waits for no timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
