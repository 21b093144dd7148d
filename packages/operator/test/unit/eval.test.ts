import { compileRule, defineFilter } from '@kube-trigger/core';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { evaluate, type Evaluation } from '../../src/evaluate/evaluate.js';
import { recordedEvents } from '../../src/evaluate/recorded-events.js';
import { createLogger } from '../../src/logger.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { readYaml } from '../../src/rule-files/yaml-text.js';

const ROLL = { updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } };

const AT_ONCE = { coalesce: { quietSeconds: 0 } };

const NEVER = defineFilter({
  name: 'never',
  summary: 'Lets nothing pass.',
  config: Type.Object({}),
  rbac: [],
  create: () => ({ decide: () => ({ deferUntilMs: Infinity, because: 'never' }) }),
});

function ruleWith(filters: object[], delivery: object = AT_ONCE) {
  const sources = [{ configMap: { name: 'cm' } }, { timer: { every: '1h' } }];
  const spec = { sources, filters, actions: [ROLL], delivery };
  const registry = bundledRegistry();
  registry.register(NEVER, 'test');
  const compilation = compileRule({ namespace: 'shop', name: 'web', uid: '' }, spec, registry);
  if ('issues' in compilation) throw new Error(JSON.stringify(compilation.issues));
  return compilation.rule;
}

function evaluated(filters: object[], events: object[], delivery?: object): Promise<Evaluation[]> {
  const rule = ruleWith(filters, delivery);
  return evaluate(rule, recordedEvents(readYaml(JSON.stringify(events)), rule), createLogger('silent'));
}

async function outcomes(filters: object[], events: object[], delivery?: object): Promise<string[]> {
  const found = await evaluated(filters, events, delivery);
  return found.map(({ outcome, at, actions }) => [outcome, at.slice(11, 19), ...actions].join(' '));
}

const ROLLED = 'updatePodTemplate[0]';
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

  it('says that what a filter never lets pass waits, and what is behind it', async () => {
    const tick = (time: string) => cm(time, { key: 'noon', source: 'timer[1]', change: 'occurred' });
    expect(await outcomes([{ never: {} }], [tick('12:00:00'), tick('12:00:01')])).toEqual([
      'Waits 12:00:01',
      'Waits 12:00:01',
    ]);
  });

  describe('with changes that begin together', () => {
    const byRule = (quietSeconds: number, more: object = {}) => ({ debounce: { quietSeconds, by: 'rule', ...more } });
    const tick = (time: string) => cm(time, { key: 'noon', source: 'timer[1]', change: 'occurred' });
    const other = { key: 'ConfigMap/shop/b' };

    it('lets a burst of one key fire once, after the quiet of the rule', async () => {
      expect(await outcomes([byRule(60)], [cm('12:00:00'), cm('12:00:10')])).toEqual([
        'Replaced 12:00:10',
        `Fires 12:01:10 ${ROLLED}`,
      ]);
    });

    it('says who lets it wait, until when', async () => {
      const [first] = await evaluated([byRule(60)], [cm('12:00:00')]);
      expect(first?.asked).toEqual([
        {
          at: '2026-01-01T12:00:00Z',
          gates: [
            { gate: 'configMap[0]', verdict: 'Pass' },
            { gate: 'debounce[0]', verdict: 'Pass' },
            {
              gate: 'coalesce',
              verdict: 'Defer',
              because: 'begins with what else changes: after 60 s of quiet, or 600 s in all',
              until: '2026-01-01T12:01:00Z',
            },
          ],
        },
        {
          at: '2026-01-01T12:01:00Z',
          gates: [
            { gate: 'configMap[0]', verdict: 'Pass' },
            { gate: 'debounce[0]', verdict: 'Pass' },
          ],
        },
      ]);
    });

    it('holds several keys until the last of them was quiet', async () => {
      expect(await outcomes([byRule(60)], [cm('12:00:00'), cm('12:00:30', other), cm('12:02:00')])).toEqual([
        `Fires 12:01:30 ${ROLLED}`,
        `Fires 12:01:30 ${ROLLED}`,
        `Fires 12:03:00 ${ROLLED}`,
      ]);
    });

    it('holds nothing for longer than the whole wait, also when one key changes all the time', async () => {
      const filters = [byRule(60, { maxWaitSeconds: 90 })];
      expect(await outcomes(filters, [cm('12:00:00'), cm('12:00:50'), cm('12:01:20'), cm('12:01:40')])).toEqual([
        'Replaced 12:00:50',
        'Replaced 12:01:20',
        `Fires 12:01:30 ${ROLLED}`,
        `Fires 12:02:40 ${ROLLED}`,
      ]);
    });

    it('goes by the longest of the windows of its filters and its delivery', async () => {
      const delivery = { coalesce: { quietSeconds: 20 } };
      expect(await outcomes([byRule(5), byRule(10)], [cm('12:00:00')], delivery)).toEqual([`Fires 12:00:20 ${ROLLED}`]);
      expect(await outcomes([byRule(5), byRule(30)], [cm('12:00:00')], delivery)).toEqual([`Fires 12:00:30 ${ROLLED}`]);
      expect(await outcomes([], [cm('12:00:00')], {})).toEqual([`Fires 12:00:01 ${ROLLED}`]);
    });

    it('asks the gates again at the end', async () => {
      const filters = [{ window: { schedule: '0 12 * * *', durationMinutes: 2 } }, byRule(60)];
      expect(await outcomes(filters, [cm('12:01:30')])).toEqual([`Fires 12:01:00 ${ROLLED}`]);
    });

    it('does not hold a batch for a state that something dropped took the place of', async () => {
      const filters = [{ cel: { expression: "'a' in event.changedKeys" } }, byRule(60, { maxWaitSeconds: 90 })];
      const [a, b] = [{ changedKeys: ['a'] }, { changedKeys: ['b'] }];
      expect(await outcomes(filters, [cm('12:00:00', a), cm('12:00:10', b), cm('12:00:50', a)])).toEqual([
        'Replaced 12:00:10',
        'Drop 12:00:10',
        `Fires 12:01:50 ${ROLLED}`,
      ]);
    });

    it('asks about an occurrence once the one of its key before it is over', async () => {
      expect(await outcomes([byRule(60)], [tick('12:00:00'), tick('12:00:10'), cm('12:00:20')])).toEqual([
        `Fires 12:01:20 ${ROLLED}`,
        `Fires 12:02:20 ${ROLLED}`,
        `Fires 12:01:20 ${ROLLED}`,
      ]);
    });
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
    expect(() => recordedEvents(readYaml(JSON.stringify(events)), ruleWith([]))).toThrow(message);
  });
});
