import {
  type ConfigIssue,
  type Filter,
  type FilterContext,
  PASS,
  type TriggerEvent,
  type Verdict,
} from '@kube-trigger/core';
import { injectable } from 'tsyringe';
import { type Static, Type } from 'typebox';

/** Of `quietSeconds`, unless `maxWaitSeconds` says otherwise. */
const MAX_WAIT_FACTOR = 10;

export const DebounceConfig = Type.Object(
  {
    quietSeconds: Type.Integer({
      minimum: 1,
      maximum: 86_400,
      description: 'A change waits until nothing more has changed for so long.',
    }),
    maxWaitSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 864_000,
        description: `But no longer than this since the first change that waits. Default: ${MAX_WAIT_FACTOR} times quietSeconds.`,
      }),
    ),
    by: Type.String({
      default: 'key',
      description: 'What must be quiet. Only key: each object by itself.',
    }),
  },
  { additionalProperties: false, description: 'Lets a burst of changes of one object pass as one.' },
);
export type DebounceConfig = Static<typeof DebounceConfig>;

export function validateDebounce({ quietSeconds, maxWaitSeconds, by }: DebounceConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  if (maxWaitSeconds !== undefined && maxWaitSeconds < quietSeconds) {
    const message = `${maxWaitSeconds} is shorter than quietSeconds (${quietSeconds}); raise it, or lower quietSeconds`;
    issues.push({ path: 'maxWaitSeconds', message });
  }
  if (by !== 'key') {
    const why =
      by === 'rule'
        ? '"rule" is not available: keys are delivered one by one, so a burst over several keys would still be as many deliveries'
        : `"${by}" is not known`;
    issues.push({ path: 'by', message: `${why}; write key, or leave it out` });
  }
  return issues;
}

/**
 * Defers a state until its key has been quiet, at most until `maxWaitSeconds` after the first state that waits. Stateless: it reads the event's
 * own times, which begin anew when the operator starts. Occurrences pass: each counts, so there is nothing to put together.
 */
@injectable()
export class DebounceFilter implements Filter<DebounceConfig> {
  decide(config: DebounceConfig, event: TriggerEvent, { scheduler }: FilterContext): Verdict {
    if (event.change === 'occurred') return PASS;
    const { quietSeconds, maxWaitSeconds = MAX_WAIT_FACTOR * quietSeconds } = config;
    const quietMs = event.observedAtMs + quietSeconds * 1000;
    const enoughMs = event.waitingSinceMs + maxWaitSeconds * 1000;
    const deferUntilMs = Math.min(quietMs, enoughMs);
    if (scheduler.now() >= deferUntilMs) return PASS;
    const because =
      quietMs <= enoughMs
        ? `quiet for ${quietSeconds} s first`
        : `no more changes for ${quietSeconds} s, or ${maxWaitSeconds} s in all`;
    return { deferUntilMs, because };
  }
}
