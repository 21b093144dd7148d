import {
  type Filter,
  type FilterContext,
  PASS,
  TriggerError,
  type TriggerEvent,
  type Verdict,
} from '@kube-trigger/core';
import { compileCondition, type Condition, EvaluationError } from '@kube-trigger/expressions';
import { injectable } from 'tsyringe';
import type { CelConfig } from './config.js';

export const CEL_ERRORS = {
  KT_CEL_EVALUATION:
    'The expression has no value for this event, e.g. because it asks for a field that is not there. The event waits and is asked again.',
} as const;

const SHOWN = 120;

/** Passes what the expression is true for. Where it has no value it throws `KT_CEL_EVALUATION`: the host reports that and asks again. */
@injectable()
export class CelFilter implements Filter<CelConfig> {
  readonly #conditions = new WeakMap<CelConfig, Condition>();

  decide(config: CelConfig, event: TriggerEvent, { rule }: FilterContext): Verdict {
    try {
      if (this.#conditionOf(config).holds(event, rule)) return PASS;
      return { drop: `the expression is false: ${cut(config.expression)}` };
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      const { message, fix } = error;
      throw new TriggerError('KT_CEL_EVALUATION', `"${cut(config.expression)}" has no value: ${message}`, {
        fix,
        cause: error,
      });
    }
  }

  #conditionOf(config: CelConfig): Condition {
    const known = this.#conditions.get(config);
    if (known !== undefined) return known;
    const { condition, issue } = compileCondition(config.expression);
    if (condition === undefined) throw new Error(issue);
    this.#conditions.set(config, condition);
    return condition;
  }
}

function cut(expression: string): string {
  const text = expression.trim().replaceAll(/\s+/g, ' ');
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 3)}...` : text;
}
