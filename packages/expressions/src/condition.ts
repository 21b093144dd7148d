import type { TriggerEvent } from '@kube-trigger/core';
import { compileExpression, placeOf } from './expression.js';
import { type RuleName, valuesOf } from './variables.js';

export interface Condition {
  /** Whether it reads `object`: say so as the plugin's `needsObject`, or there is none. */
  readonly needsObject: boolean;
  /** Throws an `EvaluationError` where the expression has no value for this event: never a silent false. */
  holds(event: TriggerEvent, rule: RuleName): boolean;
}

export type CompiledCondition =
  | { readonly condition: Condition; readonly issue?: undefined }
  | { readonly issue: string; readonly condition?: undefined };

/** Compiles a CEL expression that says yes or no. What can be found beforehand is: syntax, names, types, cost. */
export function compileCondition(text: string): CompiledCondition {
  const { expression, problem } = compileExpression(text);
  if (expression === undefined) return { issue: `${placeOf(text, problem.at)}: ${problem.why}` };
  if (expression.type !== 'bool') return { issue: `${placeOf(text, 0)}: ${notBool(expression.type)}` };
  const { needsObject, evaluate } = expression;
  return { condition: { needsObject, holds: (event, rule) => evaluate(valuesOf(event, rule, needsObject)) === true } };
}

function notBool(type: string): string {
  if (type === 'dyn') return 'its type is known only when an event comes; compare it, e.g. event.data.name == "web"';
  const shown = type.startsWith('$') ? 'an object' : `a value of type ${type}`;
  return `it is ${shown}, not a bool; compare it with something`;
}
