import {
  CONTRACT_VERSION,
  type FilterContext,
  PASS,
  PluginRegistry,
  validateConfig,
  type Verdict,
} from '@kube-trigger/core';
import {
  type AnyPlugin,
  configOf,
  fakeContext,
  fakeEvent,
  fieldsOf,
  makeInstance,
  openObjects,
} from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { blackout, cel, debounce, throttle, window } from '../src/index.js';

const CASES: readonly (readonly [AnyPlugin, object])[] = [
  [cel, { expression: "event.change == 'updated'" }],
  [debounce, { quietSeconds: 5 }],
  [throttle, { limit: 1, periodSeconds: 60 }],
  [window, { schedule: '0 22 * * *', durationMinutes: 60 }],
  [blackout, { schedule: '0 22 * * *', durationMinutes: 60 }],
];

describe.each(CASES.map(([plugin, config]) => ({ name: plugin.name, plugin, config })))(
  'the filter $name',
  ({ plugin, config }) => {
    it('can be registered', () => {
      const registry = new PluginRegistry();
      registry.register(plugin, 'test');
      expect([plugin.kind, plugin.contract, plugin.rbac]).toEqual(['filter', CONTRACT_VERSION, []]);
      expect(plugin.summary).toMatch(/^[A-Z].*\.$/);
    });

    it('describes every option', () => {
      expect(fieldsOf(plugin.config).filter(({ schema }) => (schema.description ?? '') === '')).toEqual([]);
    });

    it('refuses unknown options by name', () => {
      expect(openObjects(plugin.config)).toEqual([]);
      const { issues = [] } = validateConfig(plugin.config, { ...config, unknownOption: true }, plugin.name);
      expect(issues.map(({ path }) => path)).toEqual([`${plugin.name}.unknownOption`]);
    });

    it('takes its own defaults', () => {
      const once = configOf(plugin, config);
      expect(configOf(plugin, once)).toEqual(once);
    });

    it('answers every kind of change with a verdict that has a reason, without a timer of its own', () => {
      const { useClass } = plugin as unknown as { useClass: new () => { decide(...args: unknown[]): Verdict } };
      const context = fakeContext();
      const filter = makeInstance(useClass, { register: () => undefined });
      const settled = configOf(plugin, config);
      for (const change of ['created', 'updated', 'deleted', 'occurred'] as const) {
        const verdict = filter.decide(settled, fakeEvent({ change, key: change }), context satisfies FilterContext);
        const reason = 'pass' in verdict ? 'passes' : 'drop' in verdict ? verdict.drop : verdict.because;
        expect(reason).toMatch(/\S/);
        expect('deferUntilMs' in verdict ? verdict.deferUntilMs : Infinity).toBeGreaterThan(context.scheduler.now());
      }
      expect([context.scheduler.pending, context.logger.lines]).toEqual([0, []]);
    });

    it('names its error codes and what they mean', () => {
      for (const [code, meaning] of Object.entries(plugin.errors ?? {})) {
        expect(`${code}: ${meaning}`).toMatch(/^KT(_[A-Z0-9]+){2,}: [A-Z].*\.$/);
      }
      expect(PASS).toEqual({ pass: true });
    });
  },
);
