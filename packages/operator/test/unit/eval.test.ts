import { compileRule } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/evaluate/evaluate.js';
import { recordedEvents } from '../../src/evaluate/recorded-events.js';
import { createLogger } from '../../src/logger.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { readYaml } from '../../src/rule-files/yaml-text.js';

const ROLL = { updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } };

function ruleWith(...filters: object[]) {
  const spec = { sources: [{ configMap: { name: 'cm' } }, { timer: { every: '1h' } }], filters, actions: [ROLL] };
  const compilation = compileRule({ namespace: 'shop', name: 'web', uid: '' }, spec, bundledRegistry());
  if ('issues' in compilation) throw new Error(JSON.stringify(compilation.issues));
  return compilation.rule;
}

async function outcomes(filters: object[], events: object[]): Promise<string[]> {
  const rule = ruleWith(...filters);
  const found = await evaluate(rule, recordedEvents(readYaml(JSON.stringify(events)), rule), createLogger('silent'));
  return found.map(({ outcome, at, actions }) => [outcome, at.slice(11, 19), ...actions].join(' '));
}

const cm = (time: string, more: object = {}) => ({ key: 'ConfigMap/shop/cm', at: `2026-01-01T${time}Z`, ...more });

describe('kube-trigger eval', () => {
  it('lets what passes fire, with the actions that would be run', async () => {
    expect(await outcomes([], [cm('12:00:00')])).toEqual(['Fires 12:00:00 updatePodTemplate[0]']);
  });

  it('replaces a state that waits by a newer one of its key, and moves its own clock on', async () => {
    const events = [cm('12:00:00'), cm('12:00:03'), cm('12:00:04', { key: 'ConfigMap/shop/b' })];
    expect(await outcomes([{ debounce: { quietSeconds: 5 } }], events)).toEqual([
      'Replaced 12:00:03',
      'Fires 12:00:08 updatePodTemplate[0]',
      'Fires 12:00:09 updatePodTemplate[0]',
    ]);
  });

  it('does not count at a throttle what a filter before it dropped', async () => {
    const filters = [
      { cel: { expression: "'a' in event.changedKeys" } },
      { throttle: { limit: 1, periodSeconds: 60 } },
    ];
    const events = [cm('12:00:00', { changedKeys: ['b'] }), cm('12:00:01', { changedKeys: ['a'] })];
    expect(await outcomes(filters, events)).toEqual(['Drop 12:00:00', 'Fires 12:00:01 updatePodTemplate[0]']);
  });

  it('asks the gate of the source', async () => {
    expect(await outcomes([], [cm('12:00:00', { change: 'deleted' })])).toEqual(['Drop 12:00:00']);
  });

  it.each([
    [
      [{ key: 'a', source: 'timer[0]' }],
      'events[0].source "timer[0]" is no source of the rule; did you mean "timer[1]"?',
    ],
    [
      [cm('12:00:01'), cm('12:00:00')],
      'events[1].at "2026-01-01T12:00:00Z" is before the event before it; sort them by time',
    ],
    [[{ key: 'a', at: 'noon' }], 'events[0].at "noon" is no time; write it as 2026-01-31T12:00:00Z'],
    [[{ key: 'a', chnge: 'updated' }], 'events[0].chnge is not a known field; did you mean "change"?'],
    [
      [{ key: 'a', expect: 'Fire' }],
      'events[0].expect.outcome "Fire" is not one of Fires, Drop, Replaced, Waits, Error',
    ],
    [[], 'it has no events; each is written as - key: ConfigMap/shop/app-config'],
  ])('refuses %j', (events, message) => {
    expect(() => recordedEvents(readYaml(JSON.stringify(events)), ruleWith())).toThrow(message);
  });
});
