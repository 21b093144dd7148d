import {
  type Filter,
  type FilterContext,
  PASS,
  TriggerError,
  type TriggerEvent,
  type Verdict,
} from '@kube-trigger/core';
import { injectable } from 'tsyringe';
import type { CelConfig } from './config.js';
import { compileExpression, type Predicate, summaryOf } from './expression.js';
import { valuesOf } from './variables.js';

export const CEL_ERRORS = {
  KT_CEL_EVALUATION:
    'The expression has no value for this event, e.g. because it asks for a field that is not there. The event waits and is asked again.',
} as const;

const SHOWN = 120;

/** Passes what the expression is true for. Where it has no value it throws `KT_CEL_EVALUATION`: the host reports that and asks again. */
@injectable()
export class CelFilter implements Filter<CelConfig> {
  readonly #predicates = new WeakMap<CelConfig, Predicate>();

  decide(config: CelConfig, event: TriggerEvent, { rule }: FilterContext): Verdict {
    const shown = cut(config.expression);
    try {
      return this.#predicateOf(config)(valuesOf(event, rule)) ? PASS : { drop: `the expression is false: ${shown}` };
    } catch (error) {
      const { code } = error as { code?: unknown };
      const fix = code === 'no_such_key' ? 'Ask has() for the field first' : 'Correct the expression';
      throw new TriggerError('KT_CEL_EVALUATION', `"${shown}" has no value: ${summaryOf(error as Error)}`, {
        fix,
        cause: error,
      });
    }
  }

  #predicateOf(config: CelConfig): Predicate {
    const known = this.#predicates.get(config);
    if (known !== undefined) return known;
    const { predicate, issue } = compileExpression(config.expression);
    if (predicate === undefined) throw new Error(issue);
    this.#predicates.set(config, predicate);
    return predicate;
  }
}

function cut(expression: string): string {
  const text = expression.trim().replaceAll(/\s+/g, ' ');
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 3)}...` : text;
}
