import type { ConfigIssue } from '@kube-trigger/core';
import { compileCondition } from '@kube-trigger/expressions';
import { type Static, Type } from 'typebox';

export const CelConfig = Type.Object(
  {
    expression: Type.String({
      minLength: 1,
      maxLength: 4096,
      description:
        'A CEL expression over event, object and rule that is true for what may pass; what it is false for is dropped.',
      examples: ["event.change == 'updated' && 'app.conf' in event.changedKeys"],
    }),
  },
  { additionalProperties: false, description: 'Passes what an expression is true for, drops the rest.' },
);
export type CelConfig = Static<typeof CelConfig>;

export function validateCel({ expression }: CelConfig): ConfigIssue[] {
  const { issue } = compileCondition(expression);
  return issue === undefined ? [] : [{ path: 'expression', message: issue }];
}

export function needsObject({ expression }: CelConfig): boolean {
  return compileCondition(expression).condition?.needsObject ?? false;
}
