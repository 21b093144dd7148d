import {
  compileRule,
  defineAction,
  type Delivery,
  instantiate,
  MemoryCheckpointStore,
  PluginRegistry,
  type RuleReport,
  RuleRunner,
} from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';
import { digestKeyProvider, DigestKeyToken, KubeClientToken } from '@kube-trigger/kube';
import { RecordingKubeClient, RecordingLogger } from '@kube-trigger/testing/contracts';
import { container } from 'tsyringe';
import { Type } from 'typebox';
import { beforeEach, expect, it } from 'vitest';
import secret from '../src/index.js';
import { putSecret, Secret } from './world.js';

/** `key change` of every run of the action. */
let fired: string[];
let kube: RecordingKubeClient;
let store: MemoryCheckpointStore;
let clock: VirtualClock;
let logger: RecordingLogger;
beforeEach(() => {
  fired = [];
  kube = new RecordingKubeClient();
  store = new MemoryCheckpointStore();
  clock = new VirtualClock();
  logger = new RecordingLogger();
});

class Note {
  run(_config: unknown, { event }: Delivery) {
    fired.push(`${event.key} ${event.change}`);
    return Promise.resolve({ outcome: 'done' as const, targets: [] });
  }
}

const note = defineAction({
  name: 'note',
  summary: 'Notes that it ran.',
  config: Type.Object({}, { additionalProperties: false }),
  semantics: 'level',
  rbac: [],
  useClass: Note,
});

/** A process with one rule on the Secrets of `shop`: its own digest key as far as it was loaded, the cluster's checkpoint. */
async function startProcess() {
  const registry = new PluginRegistry();
  registry.register(secret, 'source-secret');
  registry.register(note, 'note');
  const spec = { sources: [{ secret: {} }], actions: [{ note: {} }] };
  const compilation = compileRule({ namespace: 'shop', name: 'example', uid: 'uid' }, spec, registry);
  if ('issues' in compilation) throw new Error(JSON.stringify(compilation.issues));
  const services = container.createChildContainer();
  services.register(KubeClientToken, { useValue: kube });
  services.register(DigestKeyToken, { useValue: digestKeyProvider(kube, 'system') });
  const runner = new RuleRunner(compilation.rule, instantiate(compilation.rule, services), {
    checkpoints: store,
    scheduler: clock,
    random: () => 0.5,
    logger,
  });
  const reports: RuleReport[] = [];
  runner.reports.subscribe((report) => reports.push(report));
  await runner.start();
  await clock.advance(5000);
  return { runner, reports };
}

const put = async (name: string, value: string) => {
  putSecret(kube, name, { data: { password: value } });
  await clock.advance(5000);
};

const loseKey = () => kube.objects.remove({ resource: Secret, namespace: 'system', name: 'kube-trigger-digest-key' });

it('fires for a change while down, as long as the key is the same', async () => {
  await put('a', '1');
  const first = await startProcess();
  await first.runner.stop();
  await put('a', '2');
  await startProcess();
  expect(fired).toEqual(['Secret/shop/a updated']);
});

it('fires nothing after the key was lost, and goes on with what changes then', async () => {
  await put('a', '1');
  await put('b', '1');
  const first = await startProcess();
  await put('b', '2');
  expect(fired).toEqual(['Secret/shop/b updated']);
  await first.runner.stop();

  loseKey();
  await startProcess();
  await clock.advance(60_000);
  expect(fired).toEqual(['Secret/shop/b updated']);
  await put('a', '2');
  expect(fired.slice(1)).toEqual(['Secret/shop/a updated']);
});

it('forgets what it knew by the lost key', async () => {
  await put('a', '1');
  const first = await startProcess();
  const before = new Set(store.records.get('uid')?.keys());
  await first.runner.stop();
  loseKey();
  await startProcess();
  const after = [...(store.records.get('uid')?.keys() ?? [])];
  expect(after).toHaveLength(before.size);
  expect(after.filter((record) => before.has(record))).toEqual([]);
});

it('is not started while the key cannot be read, and then loses nothing', async () => {
  await put('a', '1');
  const first = await startProcess();
  await first.runner.stop();
  await put('a', '2');
  kube.forbid('get', Secret);
  await expect(startProcess()).rejects.toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
  kube.resumeWatches();
  await startProcess();
  expect(fired).toEqual(['Secret/shop/a updated']);
});

it('stores, reports and logs no value and no key', async () => {
  await put('a', 'marker-value');
  const { reports } = await startProcess();
  await put('a', 'marker-value-2');
  kube.forbid('list', Secret);
  await clock.advance(5000);
  const key = kube.objects.get({ resource: Secret, namespace: 'system', name: 'kube-trigger-digest-key' });
  const { data } = key as unknown as { data: { key: string } };
  const records = [...(store.records.get('uid') ?? [])];
  const said = JSON.stringify([records, reports, logger.lines]);
  expect([records.length, fired.length]).toEqual([2, 1]);
  expect(reports.map(({ type }) => type)).toContain('settled');
  expect(said).toContain('Secret/shop/a');
  for (const hidden of ['marker-value', 'bWFya2VyLXZhbHVl', data.key]) expect(said).not.toContain(hidden);
});
