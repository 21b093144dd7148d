import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CompiledRule, createRuntime, defineAction, type TriggerEvent } from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';
import { digestKeyProvider, DigestKeyToken, KubeClientToken, type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import { fakeContext, recordedEvents, RecordingKubeClient, SAMPLE_EVENTS } from '@kube-trigger/testing/contracts';
import { container as rootContainer } from 'tsyringe';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { recordedEvents as eventsOfCommand } from '../../src/evaluate/recorded-events.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { readYaml } from '../../src/rule-files/yaml-text.js';

describe('a recording', () => {
  const rule = { sources: [{ name: 'configMap[0]' }, { name: 'timer[1]' }] } as unknown as CompiledRule;
  const names = rule.sources.map(({ name }) => name);
  const howTo = readFileSync(join(import.meta.dirname, '../../../../docs/how-to/test-rules.md'), 'utf8');
  const [, shown = ''] = /^```yaml\n# events.yaml\n([^]*?)^```$/m.exec(howTo) ?? [];

  it.each([
    ['that the docs show', shown],
    ['of several documents', '- {key: a}\n---\n- {key: b, at: 2026-05-05}\n---\n'],
    ['in JSON', '[{"key":"a","change":"occurred","source":"timer[1]"}]'],
    ['with words of YAML 1.1', '- {key: a, data: {on: yes, at: 12:30:00, day: 2026-01-01, big: 0o17, old: 017}}'],
    ['with anchors', '- &a {key: a, changedKeys: [b]}\n- {<<: *a, key: c}'],
  ])('%s is the same for kube-trigger eval and for tests', (_, text) => {
    const events = recordedEvents(text, names);
    expect(events.length).toBeGreaterThan(0);
    expect(events).toEqual(eventsOfCommand(readYaml(text), rule).map(({ event }) => event));
  });

  it.each(['- {key: a', '- {key: a}\n- {key: *b}', '[]', '- {key: a, source: timer}'])(
    'with a mistake is refused in the same words: %j',
    (text) => {
      const said = [() => recordedEvents(text, names), () => eventsOfCommand(readYaml(text), rule)].map(messageOf);
      expect(said[0]).not.toBe('');
      expect(said[0]).toBe(said[1]);
    },
  );
});

function messageOf(work: () => unknown): string {
  try {
    work();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('SAMPLE_EVENTS', () => {
  it('are what the bundled sources lead to', async () => {
    const { seen, kube, clock, runtime } = world();
    await runtime.start();
    await clock.advance(1000);
    const { ConfigMap, Secret } = WELL_KNOWN;
    for (const state of ['one', 'two']) {
      kube.objects.put(ConfigMap, withData('shop', 'app-config', { 'app.conf': state }));
      await clock.advance(5000);
    }
    kube.objects.remove({ resource: ConfigMap, namespace: 'shop', name: 'app-config' });
    kube.objects.put(Secret, withData('shop', 'login', { password: encoded('another') }));
    await clock.advance(4 * 3_600_000);
    await runtime.stop();
    const { configMapCreated, configMapUpdated, configMapDeleted, secretUpdated, timerOccurred } = SAMPLE_EVENTS;
    const events = [configMapCreated, configMapUpdated, configMapDeleted, secretUpdated, timerOccurred];
    expect(seen.map(shapeOf)).toEqual(events.map(shapeOf));
  });
});

/** Without what differs from run to run. */
function shapeOf({ observedAtMs, waitingSinceMs, revision, source, ...event }: TriggerEvent): object {
  const named = event.change === 'occurred' ? revision : revision !== '';
  const times = [observedAtMs, waitingSinceMs].map((timeMs) => timeMs >= Date.UTC(2026, 0, 1));
  return { ...event, id: 'any', revision: named, times, source: source.replace(/\d/, 'N') };
}

const encoded = (text: string) => Buffer.from(text).toString('base64');

function withData(namespace: string, name: string, data: object): KubeObject {
  return { metadata: { namespace, name }, data } as KubeObject;
}

/** A rule of three sources in the namespace `shop`, on an API server in memory with a Secret in it. */
function world() {
  const kube = new RecordingKubeClient();
  const digestKey = withData('system', 'kube-trigger-digest-key', { key: encoded('k'.repeat(32)) });
  for (const secret of [digestKey, withData('shop', 'login', { password: encoded('one') })])
    kube.objects.put(WELL_KNOWN.Secret, secret);
  const container = rootContainer.createChildContainer();
  container.register(KubeClientToken, { useValue: kube });
  container.register(DigestKeyToken, { useValue: digestKeyProvider(kube, 'system') });
  const seen: TriggerEvent[] = [];
  const record = defineAction({
    name: 'record',
    summary: 'Records.',
    config: Type.Object({}, { additionalProperties: false }),
    semantics: 'edge',
    rbac: [],
    create: () => ({
      run: (_config, { event }) => {
        seen.push(event);
        return Promise.resolve({ outcome: 'done', targets: [] });
      },
    }),
  });
  const clock = new VirtualClock();
  const rule = {
    sources: [
      { configMap: { on: ['created', 'updated', 'deleted'] } },
      { secret: { name: 'login' } },
      { timer: { schedule: '30 3 * * *' } },
    ],
    actions: [{ record: {} }],
  };
  const plugins = [
    ...bundledRegistry()
      .all()
      .filter(({ kind }) => kind === 'source'),
    record,
  ];
  const { logger, random } = fakeContext();
  const options = { plugins, rules: { example: rule }, namespace: 'shop', scheduler: clock };
  return { seen, kube, clock, runtime: createRuntime({ ...options, logger, random, container }) };
}
