import {
  type ConfigIssue,
  type Filter,
  type FilterContext,
  PASS,
  StringEnum,
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
    by: StringEnum(['key', 'rule'], {
      default: 'key',
      description:
        'What must be quiet. key: each object by itself. rule: all objects of the rule; their changes then begin together, so that a target is rolled once.',
    }),
  },
  { additionalProperties: false, description: 'Lets a burst of changes pass as one.' },
);
export type DebounceConfig = Static<typeof DebounceConfig>;

export function validateDebounce({ quietSeconds, maxWaitSeconds }: DebounceConfig): ConfigIssue[] {
  if (maxWaitSeconds === undefined || maxWaitSeconds >= quietSeconds) return [];
  const message = `${maxWaitSeconds} is shorter than quietSeconds (${quietSeconds}); raise it, or lower quietSeconds`;
  return [{ path: 'maxWaitSeconds', message }];
}

/**
 * Defers a state until its key has been quiet, at most until `maxWaitSeconds` after the first state that waits. Stateless: it reads the event's
 * own times, which begin anew when the operator starts. Occurrences pass: each counts, so there is nothing to put together. What a whole
 * rule waits for no single event can tell: `by: rule` asks the host for it.
 */
@injectable()
export class DebounceFilter implements Filter<DebounceConfig> {
  decide(config: DebounceConfig, event: TriggerEvent, { scheduler }: FilterContext): Verdict {
    const { quietSeconds, maxWaitSeconds = MAX_WAIT_FACTOR * quietSeconds, by } = config;
    if (by === 'rule')
      return { pass: true, coalesce: { quietMs: quietSeconds * 1000, maxWaitMs: maxWaitSeconds * 1000 } };
    if (event.change === 'occurred') return PASS;
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
