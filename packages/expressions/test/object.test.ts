import { fakeEvent } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { compileCondition, compileTemplate, EvaluationError } from '../src/index.js';

const RULE = { namespace: 'shop', name: 'example' };
const CONFIG_MAP = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'app-config', namespace: 'shop', labels: { app: 'web', constructor: 'strange' } },
  data: { 'app.conf': 'level=debug\n', constructor: 'still text', size: '7' },
};
const DEPLOYMENT = {
  metadata: { name: 'web', generation: 3 },
  spec: {
    replicas: 3,
    paused: false,
    ratio: 0.5,
    big: 2 ** 53,
    template: { containers: [{ name: 'a', ports: [] }] },
  },
  status: null,
};

function holds(text: string, object: unknown = CONFIG_MAP): boolean {
  const { condition, issue } = compileCondition(text);
  if (condition === undefined) throw new Error(issue);
  expect(condition.needsObject).toBe(true);
  return condition.holds(fakeEvent({ object }), RULE);
}

describe('object in a condition', () => {
  it.each([
    "object.kind == 'ConfigMap'",
    "object.data['app.conf'].contains('debug')",
    "object.data.exists(key, object.data[key].startsWith('level='))",
    "object.metadata.labels.app in ['web', 'db']",
    "'app.conf' in object.data && !('other' in object.data)",
    'has(object.data.size) && !has(object.data.other)',
    "object.data.constructor == 'still text' && object.metadata.labels.constructor == 'strange'",
    'size(object.data) == 3 && int(object.data.size) == 7',
    "object.metadata.labels.map(key, key).filter(key, key != 'app').size() == 1",
    "object.data['app.conf'].split('=').exists(part, part == 'level')",
    "event.change == 'updated' && object != null",
  ])('of a ConfigMap holds: %s', (text) => {
    expect(holds(text)).toBe(true);
  });

  it.each([
    'object.spec.replicas == 3 && object.spec.replicas + 1 > 3',
    'object.spec.ratio < 0.6 && !object.spec.paused',
    'object.spec.template.containers.all(c, c.ports == [])',
    'object.status == null && object.metadata.generation % 2 == 1',
  ])('of another kind holds: %s', (text) => {
    expect(holds(text, DEPLOYMENT)).toBe(true);
  });

  it('is null for a deletion', () => {
    expect(holds("event.change == 'updated' && object == null", null)).toBe(true);
    expect(holds("object != null && object.kind == 'x'", null)).toBe(false);
  });

  it('is an error and no false where it is not there, or has no such field', () => {
    const { condition } = compileCondition("object.kind == 'x'");
    expect(() => condition?.holds(fakeEvent(), RULE)).toThrow(EvaluationError);
    expect(() => holds("object.data.other == 'x'")).toThrow('No such key: other');
    expect(() => holds("object.data.other == 'x'", null)).toThrow(EvaluationError);
  });

  it('is not converted where it is not asked for', () => {
    const { condition } = compileCondition("event.change == 'updated'");
    const trap = new Proxy({}, { ownKeys: () => expect.unreachable() });
    expect([condition?.needsObject, condition?.holds(fakeEvent({ object: trap }), RULE)]).toEqual([false, true]);
  });
});

describe('object in a template', () => {
  it.each([
    ['${object.metadata.name}: ${object.spec.replicas}', 'web: 3'],
    [
      '${object.spec}',
      '{"replicas":3,"paused":false,"ratio":0.5,"big":9007199254740992,"template":{"containers":[{"name":"a","ports":[]}]}}',
    ],
    ['${object.status}', 'null'],
  ])('%s', (text, expected) => {
    const { template } = compileTemplate(text);
    expect(template?.needsObject).toBe(true);
    expect(template?.render(fakeEvent({ object: DEPLOYMENT }), RULE)).toBe(expected);
  });

  it('needs none where no expression asks for it', () => {
    expect(compileTemplate('object ${event.key}').template?.needsObject).toBe(false);
  });
});

describe('what an object may cost', () => {
  const big = (keys: number, length: number) => ({
    data: Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, 'x'.repeat(length)])),
  });

  it('is much where each entry is looked at once', () => {
    expect(holds("object.data.exists(k, k == 'k9999')", big(10_000, 100))).toBe(true);
    expect(holds("object.data.exists(k, object.data[k].contains('y'))", big(20, 50_000))).toBe(false);
  });

  it.each([
    ["object.data.exists(k, object.data['k0'].contains('y'))", big(10_000, 100)],
    ["object.data.all(k, object.data == object.data && object.data.k1 == 'x')", big(5000, 10)],
    ["object.data.k0.split('').exists(c, object.data.k1.contains(c + 'y'))", big(2, 100_000)],
    ['event.changedKeys.exists(k, object.data.k0 < object.data.k1 + k)', big(5000, 10)],
  ])('is refused, not waited for: %s', (text, object) => {
    expect(() => holds(text, object)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^there is too much to walk over \(\d+ entries, \d+ characters\)$/),
        fix: 'Name what matters, e.g. object.data["app.conf"]',
      }),
    );
  });
});
