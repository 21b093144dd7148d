import {
  type CompiledFilter,
  compileRule,
  type Filter,
  isTriggerError,
  type RuleIssue,
  type TriggerEvent,
} from '@kube-trigger/core';
import { anyEvent, fakeContext, makeInstance } from '@kube-trigger/testing/contracts';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { mutated, type Path, pathsOf } from '../../../core/test/support/mutations.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';

const IDENTITY = { namespace: 'shop', name: 'example', uid: 'uid-1' };
const TEMPLATE = '{"text": "${event.key} was ${event.change}", "keys": ${event.changedKeys}}';

/** A rule with every filter, and with whatever else has a grammar of its own: globs, selectors, paths, cron, templates, URLs. */
const GOOD = {
  sources: [
    { objectRef: { kind: 'ConfigMap', name: 'app-config' } },
    {
      configMap: {
        selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'a.b/c', operator: 'In', values: ['d'] }] },
        keys: { include: ['*.conf', 'app-{a,b}[0-9].yaml'], exclude: ['local.conf'] },
      },
    },
    { resource: { apiVersion: 'apps/v1', kind: 'Deployment', fields: ['spec.template', 'metadata.labels["a.b/c"]'] } },
    { secret: { types: ['kubernetes.io/tls', 'Opaque'], on: ['created', 'deleted'] } },
    { timer: { schedule: '30 3 * * 1-5', timeZone: 'Europe/Berlin', missed: 'latest', jitterSeconds: 5 } },
    { timer: { every: '1h30m' } },
  ],
  filters: [
    { cel: { expression: "event.change == 'updated' && event.changedKeys.exists(key, key.endsWith('.conf'))" } },
    { name: 'other', cel: { expression: "event.observedAt.getHours('Europe/Berlin') < 8 || event.data.name == 'x'" } },
    { debounce: { quietSeconds: 5, maxWaitSeconds: 60 } },
    { window: { schedule: '0 22 * * *', durationMinutes: 120, timeZone: 'Europe/Berlin' } },
    { blackout: { schedule: '30 1 * * *', durationMinutes: 60 } },
    { throttle: { limit: 10, periodSeconds: 60 } },
  ],
  actions: [
    { updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } },
    { webhook: { url: 'https://hooks.example.com/a?b=c', body: { template: TEMPLATE } }, retry: { limit: 3 } },
    {
      name: 'pods',
      webhook: { pods: { selector: { matchLabels: { app: 'web' } }, port: 9090 }, successCodes: ['200-299'] },
    },
  ],
};

/** Pieces of the grammars above, which plain random texts would hardly ever hit upon. */
const PIECES = fc.constantFrom(
  '${',
  '}',
  '"',
  "'",
  '(',
  ')',
  '[',
  ']',
  '{',
  '.',
  '..',
  ',',
  '*',
  '/',
  '-',
  '?',
  '\\',
  ' ',
  '\n',
  '\u0000',
  '$${',
  '&&',
  '==',
  'event.',
  'object.data',
  'rule.name',
  'map(x, x)',
  'matches("(a+)+$")',
  'exists(',
  'has(',
  '*/70',
  'H',
  '59 23 31 2',
  '@daily',
  '0-59',
  'http://',
  '[::1]',
  '169.254.169.254',
  'Europe/',
  '9'.repeat(30),
  '-1',
  '1e9',
  '__proto__',
  'constructor',
  'x'.repeat(300),
);

/** A text with pieces put in, cut out, doubled; any other value replaced. */
const change = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.nat(), fc.nat(60), PIECES).map(([at, length, piece]) => (old: unknown) => {
      if (typeof old !== 'string') return piece;
      const from = at % (old.length + 1);
      return old.slice(0, from) + piece + old.slice(from + (length % 5));
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(60).map((length) => (old: unknown) => (typeof old === 'string' ? old.slice(length) : old)),
  },
  { weight: 1, arbitrary: fc.constant((old: unknown) => (typeof old === 'string' ? old + old : [old, old])) },
  { weight: 1, arbitrary: fc.oneof(fc.integer(), fc.jsonValue({ maxDepth: 2 })).map((value) => () => value) },
);

/** Some of the parts, of which one or two are changed somewhere. */
const spec = fc
  .record({
    sources: fc.subarray(GOOD.sources, { minLength: 1, maxLength: 2 }),
    filters: fc.subarray(GOOD.filters, { minLength: 1, maxLength: 2 }),
    actions: fc.subarray(GOOD.actions, { minLength: 1, maxLength: 1 }),
  })
  .chain((good) => {
    const places = fc.array(fc.tuple(fc.constantFrom(...pathsOf(good)), change), { minLength: 1, maxLength: 2 });
    return places.map((changes) => changes.reduce<unknown>(changed, good));
  });

function changed(rule: unknown, [path, how]: readonly [Path, (value: unknown) => unknown]): unknown {
  try {
    return mutated(rule, path, how);
  } catch {
    // The place is gone by an earlier change.
    return rule;
  }
}

it('10,000 mutated rules and events: compiled or refused with reasons, and every filter answers', () => {
  const registry = bundledRegistry();
  const context = fakeContext();
  const ended = { compiled: 0, refused: 0, answered: 0 };
  fc.assert(
    fc.property(spec, anyEvent(context.scheduler.now()), (written, event) => {
      const compilation = compileRule(IDENTITY, written, registry);
      const issues = 'issues' in compilation ? compilation.issues : [];
      const filters = 'rule' in compilation ? compilation.rule.filters : [];
      const isTold = ({ path, message }: RuleIssue) =>
        path.startsWith('spec') && message !== '' && !message.includes('cannot check this');
      expect(issues.filter((issue) => !isTold(issue))).toEqual([]);
      expect(issues.length > 0).toBe('issues' in compilation);
      expect(filters.map((filter) => answerOf(filter, event, context)).filter((answer) => !/\S/.test(answer))).toEqual(
        [],
      );
      ended[issues.length > 0 ? 'refused' : 'compiled'] += 1;
      ended.answered += filters.length;
    }),
    { numRuns: 10_000 },
  );
  expect(ended.refused).toBeGreaterThan(3000);
  expect(ended.compiled).toBeGreaterThan(500);
  expect(ended.answered).toBeGreaterThan(500);
});

/** A verdict in words, or the code of an error that the plugin declares. */
function answerOf(
  { plugin, config }: CompiledFilter,
  event: TriggerEvent,
  context: ReturnType<typeof fakeContext>,
): string {
  const filter: Filter = makeInstance(plugin, { register: () => undefined });
  try {
    const verdict = filter.decide(config, event, context);
    return 'pass' in verdict ? 'passes' : 'drop' in verdict ? verdict.drop : verdict.because;
  } catch (thrown) {
    if (isTriggerError(thrown) && Object.hasOwn(plugin.errors ?? {}, thrown.code)) return thrown.code;
    throw thrown;
  }
}
