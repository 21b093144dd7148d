import { anyEvent } from '@kube-trigger/testing/contracts';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileCondition, compileTemplate, EvaluationError } from '../src/index.js';

const RULE = { namespace: 'shop', name: 'example' };
const NOW_MS = Date.UTC(2026, 0, 1);
const MAX_LENGTH = 2000;

/** Operands and what joins them: enough of it is good CEL to be evaluated, and not all of it is. */
const operand = fc.constantFrom(
  'event.key',
  'event.changedKeys',
  'event.data.name',
  'object.data',
  "object.data['app.conf']",
  'object',
  'rule.name',
  'event.observedAt',
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

/** What is wrong with how a compilation or evaluation ended; undefined when it ended well. */
class Endings {
  readonly counts = { refused: 0, answered: 0, failed: 0 };

  flawOf(issue: string | undefined, evaluate: () => unknown, isGood: (value: unknown) => boolean): string | undefined {
    if (issue !== undefined) {
      this.counts.refused += 1;
      return /^line \d+, column \d+: \S/.test(issue) ? undefined : `refused without a place: ${issue}`;
    }
    try {
      const value = evaluate();
      this.counts.answered += 1;
      return isGood(value) ? undefined : `a bad answer: ${String(value)}`;
    } catch (error) {
      this.counts.failed += 1;
      const stated = error instanceof EvaluationError && error.message !== '' && error.fix !== '';
      return stated ? undefined : `not an EvaluationError: ${String(error)}`;
    }
  }
}

function isJson(value: unknown): boolean {
  try {
    JSON.parse(String(value));
    return true;
  } catch {
    return false;
  }
}

it('10,000 conditions and templates over any event: refused, answered, or without a value for a stated reason', () => {
  const endings = new Endings();
  fc.assert(
    fc.property(text, anyEvent(NOW_MS), fc.boolean(), (source, event, asJson) => {
      const { condition, issue } = compileCondition(source);
      const isBoolean = (value: unknown) => typeof value === 'boolean';
      expect(endings.flawOf(issue, () => condition?.holds(event, RULE), isBoolean)).toBeUndefined();

      const template = asJson ? `{"a": "\${${source}}", "b": \${${source}}}` : `a \${${source}} b`;
      const compiled = compileTemplate(template, { format: asJson ? 'json' : 'text', maxLength: MAX_LENGTH });
      const fits = (value: unknown) =>
        typeof value === 'string' && value.length <= MAX_LENGTH && (!asJson || isJson(value));
      expect(endings.flawOf(compiled.issue, () => compiled.template?.render(event, RULE), fits)).toBeUndefined();
    }),
    { numRuns: 10_000 },
  );
  expect(Math.min(...Object.values(endings.counts))).toBeGreaterThan(200);
});
