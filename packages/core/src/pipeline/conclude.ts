import { toTriggerError } from '../contract/errors.js';
import type { Outcome, TriggerEvent } from '../contract/events.js';
import type { Mailbox } from './mailbox.js';
import type { Observation } from './observation.js';
import type { ActionOutcome } from './report.js';
import type { ActionRunner } from './run-actions.js';

export interface Conclusion {
  readonly event: TriggerEvent;
  readonly outcome: Outcome;
  /** Empty where no action was asked. */
  readonly actions: readonly ActionOutcome[];
}

/** Takes what was dealt with out of its mailbox, and tells everyone how it ended. */
export function conclude(runner: ActionRunner, box: Mailbox, observation: Observation, end: Conclusion): void {
  const tookMs = runner.scheduler.now() - end.event.waitingSinceMs;
  box.take(observation);
  runner.report({ type: 'settled', ...end, tookMs });
  acknowledge(runner, observation, end.outcome);
}

/** Tells the source, where it asked for that. */
export function acknowledge({ report }: ActionRunner, { occurrence, source }: Observation, outcome: Outcome): void {
  try {
    occurrence?.settled?.(outcome);
  } catch (thrown) {
    report({ type: 'fault', where: source.name, error: toTriggerError(thrown) });
  }
}
