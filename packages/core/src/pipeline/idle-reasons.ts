import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { TriggerEvent } from '../contract/events.js';
import type { ActionRunner } from './run-actions.js';

interface Idle {
  /** The action. */
  readonly gate: string;
  readonly because: string;
}

/** Why each action has nothing to do; undefined as soon as one may have, or cannot tell. */
export function idleReasons({ actions, report }: ActionRunner, event: TriggerEvent): readonly Idle[] | undefined {
  const reasons: Idle[] = [];
  for (const action of actions) {
    const { compiled, instance } = action;
    if (instance.idle === undefined) return undefined;
    try {
      const because: unknown = instance.idle(compiled.config, event, action.context);
      if (because === undefined) return undefined;
      if (typeof because !== 'string')
        throw new TriggerError('KT_PLUGIN_FAULT', `idle answered with no text (${typeof because})`);
      reasons.push({ gate: compiled.name, because });
    } catch (thrown) {
      // Then it is run: better in vain than not at all.
      report({ type: 'fault', where: compiled.name, error: toTriggerError(thrown) });
      return undefined;
    }
  }
  return reasons;
}
