import { anyEvent } from '@kube-trigger/testing/contracts';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileCondition, compileTemplate, EvaluationError } from '../src/index.js';

const RULE = { namespace: 'shop', name: 'example' };
const NOW_MS = Date.UTC(2026, 0, 1);
const MAX_LENGTH = 2000;

/** Operands and what joins them: enough of it is good CEL to be evaluated, and not all of it is. */
const operand = fc.constantFrom(
  ...[
    'event.key',
    'event.changedKeys',
    'event.data.name',
    'object.data',
    "object.data['app.conf']",
    'object',
    'rule.name',
    'event.observedAt',
  ],
  ...[
    "'x'",
    '1',
    '0.5',
    'true',
    'null',
    '[]',
    "['a', 1]",
    "{'a': 1}",
    'timestamp(event.key)',
    'int(event.id)',
    'duration("1h")',
    "b'x'",
    '7u',
  ],
);
const expression = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'tree' },
    operand,
    fc
      .tuple(tie('tree'), fc.constantFrom('==', '!=', '<', '+', '-', '*', '/', '%', '&&', '||', 'in'), tie('tree'))
      .map(([one, operator, other]) => `(${one} ${operator} ${other})`),
    fc
      .tuple(tie('tree'), fc.constantFrom('exists', 'all', 'filter', 'map', 'exists_one'), tie('tree'))
      .map(([list, macro, body]) => `${list}.${macro}(x, x != ${body})`),
    fc
      .tuple(fc.constantFrom('size', 'has', 'string', 'int', 'double', 'type', 'dyn', '!', '-'), tie('tree'))
      .map(([call, inner]) => `${call}(${inner})`),
    fc
      .tuple(
        tie('tree'),
        fc.constantFrom('.split("a")', '.join(",")', '.contains("a")', '[0]', '["a"]', '.constructor', '.getHours()'),
      )
      .map(([of, what]) => of + what),
    fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(([if_, then, else_]) => `${if_} ? ${then} : ${else_}`),
  ),
})).tree;

/** With one character too many or too few now and then. */
const text = fc
  .tuple(expression, fc.option(fc.tuple(fc.nat(), fc.string({ maxLength: 3, unit: 'binary' })), { freq: 4 }))
  .map(([good, change]) => {
    if (change === null) return good;
    const at = change[0] % (good.length + 1);
    return good.slice(0, at) + change[1] + good.slice(at + 1);
  });

it('10,000 conditions and templates over any event: refused, answered, or without a value for a stated reason', () => {
  const ended = { refused: 0, answered: 0, failed: 0 };
  const outcomeOf = (issue: string | undefined, evaluate: () => unknown): unknown => {
    if (issue !== undefined) {
      ended.refused += 1;
      expect(issue).toMatch(/^(line \d+, column \d+: |has \d+ expressions)\S/);
      return undefined;
    }
    try {
      const value = evaluate();
      ended.answered += 1;
      return value;
    } catch (error) {
      ended.failed += 1;
      expect(error).toBeInstanceOf(EvaluationError);
      expect([(error as EvaluationError).message, (error as EvaluationError).fix]).not.toContain('');
      return undefined;
    }
  };
  fc.assert(
    fc.property(text, anyEvent(NOW_MS), fc.boolean(), (source, event, asJson) => {
      const { condition, issue } = compileCondition(source);
      expect(['boolean', 'undefined']).toContain(typeof outcomeOf(issue, () => condition?.holds(event, RULE)));
      const compiled = compileTemplate(asJson ? `{"a": "\${${source}}", "b": \${${source}}}` : `a \${${source}} b`, {
        format: asJson ? 'json' : 'text',
        maxLength: MAX_LENGTH,
      });
      const rendered = outcomeOf(compiled.issue, () => compiled.template?.render(event, RULE)) ?? (asJson ? '{}' : '');
      expect(typeof rendered === 'string' && rendered.length <= MAX_LENGTH).toBe(true);
      expect(() => (asJson ? (JSON.parse(rendered as string) as unknown) : undefined)).not.toThrow();
    }),
    { numRuns: 10_000 },
  );
  for (const count of Object.values(ended)) expect(count).toBeGreaterThan(200);
});
