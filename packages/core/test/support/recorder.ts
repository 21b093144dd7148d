import type { Action, ActionContext, ActionResult, Delivery } from './core.js';

export const DONE: ActionResult = { outcome: 'done', targets: [{ target: 'Deployment/shop/web', outcome: 'done' }] };

type Behaviour = (delivery: Delivery, context: ActionContext) => unknown;

export interface Run {
  readonly key: string;
  readonly revision: string;
  readonly change: string;
  readonly id: string;
  readonly attempt: number;
  readonly redelivered: boolean;
  readonly combined: string;
  readonly atMs: number;
  readonly delivery: Delivery;
}

/** An action that records its runs and then behaves as told: by default it is done at once. */
export class Recorder implements Action {
  readonly runs: Run[] = [];
  /** Runs under way, and the most there were. */
  active = 0;
  peak = 0;
  /** Taken by the next runs, one each; then `always`. */
  readonly next: Behaviour[] = [];
  always: Behaviour = () => DONE;

  async run(_config: unknown, delivery: Delivery, context: ActionContext): Promise<ActionResult> {
    const { key, revision, change } = delivery.event;
    const { id, attempt, redelivered } = delivery;
    const atMs = context.scheduler.now();
    this.runs.push({ key, revision, change, id, attempt, redelivered, combined: delivery.revision, atMs, delivery });
    this.active += 1;
    this.peak = Math.max(this.peak, this.active);
    try {
      return (await (this.next.shift() ?? this.always)(delivery, context)) as ActionResult;
    } finally {
      this.active -= 1;
    }
  }

  /** `key@revision` of every run. */
  get said(): string[] {
    return this.runs.map(({ key, revision, change }) => `${key}@${change === 'deleted' ? 'deleted' : revision}`);
  }
}
