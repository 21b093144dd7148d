import type { TriggerEvent } from '@kube-trigger/core';
import { fakeContext, fakeEvent } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { cel, CelFilter } from '../src/index.js';
import { Bench } from './support/bench.js';
import { wrongWith } from './support/wrong-with.js';

function decide(expression: string, event: Partial<TriggerEvent> = {}) {
  return new CelFilter().decide({ expression }, fakeEvent(event), fakeContext());
}

describe('an expression', () => {
  it.each([
    "event.change == 'updated' && 'app.conf' in event.changedKeys",
    "event.key == 'ConfigMap/shop/app-config'",
    "event.key.startsWith('ConfigMap/shop/')",
    "event.changedKeys.exists(k, k.endsWith('.conf'))",
    'size(event.changedKeys) == 1',
    "event.change in ['created', 'updated']",
    "rule.namespace == 'shop' && rule.name == 'example'",
    "event.source == 'configMap[0]'",
    "event.data.name == 'web'",
    "!has(event.data.other) || event.data.other == 'x'",
    "event.observedAt == timestamp('2026-01-01T00:00:00Z')",
    "event.observedAt.getHours('Europe/Berlin') == 1",
    "event.id != '' && event.revision == 'revision-1'",
    'true',
  ])('passes: %s', (expression) => {
    expect(wrongWith(cel, { expression })).toEqual([]);
    expect(decide(expression, { data: { name: 'web' } })).toEqual({ pass: true });
  });

  it('drops with itself as the reason, cut short', () => {
    expect(decide("event.change ==\n  'deleted'")).toEqual({
      drop: "the expression is false: event.change == 'deleted'",
    });
    const long = `event.key == '${'x'.repeat(300)}'`;
    expect(decide(long)).toEqual({ drop: expect.stringMatching(/^the expression is false: .{117}\.\.\.$/) });
  });

  it.each([
    [
      "'a' in event.changedKeys",
      { changedKeys: undefined },
      'No such key: changedKeys',
      'Ask has() for the field first',
    ],
    ["event.data.x == 'y'", { data: { name: 'web' } }, 'No such key: x', 'Ask has() for the field first'],
    [
      "event.data.name == 'y' || event.data.size > 1",
      { data: { size: 'big' } },
      'no such overload',
      'Correct the expression',
    ],
    ['1 / size(event.changedKeys) == 1', { changedKeys: [] }, 'division by zero', 'Correct the expression'],
  ])('throws where it has no value, and is no silent false: %s', (expression, event, message, fix) => {
    const { changedKeys, ...rest } = fakeEvent(event);
    const given = changedKeys === undefined ? rest : { ...rest, changedKeys };
    const decided = () => new CelFilter().decide({ expression }, given, fakeContext());
    expect(decided).toThrow(
      expect.objectContaining({
        code: 'KT_CEL_EVALUATION',
        message: expect.stringContaining(message),
        fix: expect.stringContaining(fix),
      }),
    );
  });

  it('reaches no code: data are plain', () => {
    const data = { name: 'web', toJSON: undefined, secret: () => 'code' };
    expect(() => decide("event.data.secret == 'code'", { data })).toThrow('No such key: secret');
    expect(() => decide("event.data.constructor == 'x'", { data: { name: 'web' } })).toThrow(
      'No such key: constructor',
    );
    expect(wrongWith(cel, { expression: 'process.env.HOME == "x"' })).toEqual([
      expect.stringContaining('Unknown variable: process'),
    ]);
  });
});

describe('bad expressions are refused with place and fix', () => {
  it.each([
    ['', 'cel.expression: "" must not have fewer than 1 characters'],
    ["evnt.change == 'updated'", 'cel.expression: line 1, column 1: Unknown variable: evnt; did you mean "event"?'],
    ["event.chnage == 'updated'", 'line 1, column 7: No such key: chnage; did you mean "change"?'],
    [
      "event.change == 'updated' &&\n  event.changedKey == []",
      'line 2, column 9: No such key: changedKey; did you mean "changedKeys"?',
    ],
    ["subject.metadata.name == 'x'", 'line 1, column 1: Unknown variable: subject; did you mean "object"?'],
    ["rule.nmae == 'x'", 'line 1, column 6: No such key: nmae; did you mean "name"?'],
    [
      "event.key.startWith('ConfigMap/')",
      'line 1, column 1: found no matching overload for \'string.startWith(string)\'; did you mean "startsWith"?',
    ],
    ["event.change == 'update'", 'line 1, column 1: event.change is never "update"; did you mean "updated"?'],
    ["'x' == event.change", 'event.change is never "x"; it is one of created, updated, deleted, occurred'],
    ["event.change in ['created', 'modified']", 'event.change is never "modified"'],
    ['event.key == 1', 'line 1, column 1: no such overload: string == int'],
    ['event.key', 'line 1, column 1: it is a value of type string, not a bool; compare it'],
    ['event', 'it is an object, not a bool'],
    ['event.data.flag', 'its type is known only when an event comes; compare it'],
    ['event.change == ', 'line 1, column 17: Unexpected token: EOF'],
    ['event.key @ 1', 'line 1, column 11: Unexpected character: @'],
    [
      "event.key.matches('(a+)+$')",
      'line 1, column 1: matches() is not available, since a regular expression may take for ever; use startsWith()',
    ],
    ['cel.bind(x, event.key, x == x)', 'cel.bind() is not available'],
    [
      'event.changedKeys.all(a, event.changedKeys.exists(b, a == b))',
      'exists() cannot stand inside the walk over another list',
    ],
    ['event.changedKeys.all(a, a in event.changedKeys)', 'in cannot look through a list inside the walk'],
    [`event.key in [${Array.from({ length: 100 }, (_, i) => `'${i}'`).join(', ')}]`, 'line 1, column'],
    [`${'('.repeat(100)}true${')'.repeat(100)}`, 'line 1, column'],
  ])('%j', (expression, expected) => {
    expect(wrongWith(cel, { expression })).toEqual([expect.stringContaining(expected)]);
  });

  it('but a list that is written out may stand inside a walk', () => {
    expect(wrongWith(cel, { expression: "event.changedKeys.all(k, k in ['a', 'b'])" })).toEqual([]);
  });
});

describe('in a rule', () => {
  it('drops and passes by what changed', async () => {
    const bench = new Bench([{ cel: { expression: "'b.conf' in event.changedKeys" } }]);
    bench.set('x', 'a');
    await bench.start();
    bench.set('x', 'c');
    await bench.clock.advance(1000);
    bench.set('x', 'b');
    await bench.clock.advance(1000);
    expect(bench.runs).toEqual(['x@b after 1 s']);
    expect(bench.of('verdict')).toMatchObject([
      { gate: 'cel[0]', verdict: 'drop', because: "the expression is false: 'b.conf' in event.changedKeys" },
    ]);
  });

  it('reports a failure and asks again, without losing the change', async () => {
    const bench = new Bench([{ cel: { expression: "event.data.name == 'x'" } }]);
    bench.set('x', 'a');
    await bench.start();
    bench.set('x', 'b');
    await bench.clock.advance(31_000);
    expect(bench.of('fault').map(({ where, error }) => `${where} ${error.code}`)).toEqual([
      'cel[0] KT_CEL_EVALUATION',
      'cel[0] KT_CEL_EVALUATION',
    ]);
    expect(bench.runs).toEqual([]);
    expect(bench.of('settled')).toEqual([]);
  });
});
