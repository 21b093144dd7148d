import { fakeEvent } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { compileCondition, EvaluationError } from '../src/index.js';

const RULE = { namespace: 'shop', name: 'example' };

describe('a condition', () => {
  it('holds or does not', () => {
    const { condition } = compileCondition("event.change == 'updated' && rule.name == 'example'");
    expect(condition?.holds(fakeEvent(), RULE)).toBe(true);
    expect(condition?.holds(fakeEvent({ change: 'created' }), RULE)).toBe(false);
  });

  it('throws, with a fix, where it has no value', () => {
    const { condition } = compileCondition("event.data.x == 'y'");
    const holds = () => condition?.holds(fakeEvent({ data: {} }), RULE);
    expect(holds).toThrow(EvaluationError);
    expect(holds).toThrow(expect.objectContaining({ message: 'No such key: x', fix: 'Ask has() for the field first' }));
  });

  it('knows no changed keys where the source does not', () => {
    const { changedKeys: _, ...event } = fakeEvent();
    expect(compileCondition('has(event.changedKeys)').condition?.holds(event, RULE)).toBe(false);
    expect(() => compileCondition('event.changedKeys == []').condition?.holds(event, RULE)).toThrow(EvaluationError);
  });

  it.each([
    ['event.key', 'line 1, column 1: it is a value of type string, not a bool; compare it with something'],
    ['event', 'line 1, column 1: it is an object, not a bool; compare it with something'],
    [
      'event.data.flag',
      'line 1, column 1: its type is known only when an event comes; compare it, e.g. event.data.name == "web"',
    ],
    ["true &&\n evnt.key == ''", 'line 2, column 2: Unknown variable: evnt; did you mean "event"?'],
  ])('is refused with place and fix: %s', (text, issue) => {
    expect(compileCondition(text)).toEqual({ issue });
  });
});
