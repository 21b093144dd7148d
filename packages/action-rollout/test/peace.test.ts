import { isTriggerError, type TriggerEvent } from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';
import type { KubeObject, Resource } from '@kube-trigger/kube';
import { fakeContext, fakeDelivery, fakeEvent, RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { RolloutAction, type RolloutConfig } from '../src/index.js';
import { configOf, Deployment, patchesIn, putDeployment } from './world.js';

const WEB = { resource: Deployment, namespace: 'shop', name: 'web' };
const REVISION = 'trigger.app.example.com/shop.example';

let kube: RecordingKubeClient;
let action: RolloutAction;
let clock: VirtualClock;
let written: string;
let count = 0;
beforeEach(async () => {
  kube = new RecordingKubeClient();
  action = new RolloutAction(kube);
  clock = new VirtualClock();
  put('1');
  await action.check(configOf({ kind: 'Deployment', name: 'web' }), fakeContext({ scheduler: clock }));
});

/** As a person's `kubectl apply` leaves it: the API server tells who wrote the pod template, and when. */
function put(image: string, spec: object = {}): void {
  written = new Date(clock.now()).toISOString();
  const fieldsV1 = { 'f:spec': { 'f:template': { 'f:spec': {} } } };
  putDeployment(kube, 'web', {
    metadata: { managedFields: [{ manager: 'helm', operation: 'Update', time: written, fieldsV1 }] },
    pod: { containers: [{ name: 'web', image }] },
    spec,
  });
}

const seen = (event: Partial<TriggerEvent> = {}) =>
  fakeEvent({ id: `event-${(count += 1)}`, observedAtMs: clock.now(), ...event });

async function run(event: TriggerEvent, { revision = 'combined-1', rule = 'example' } = {}) {
  const context = fakeContext({ scheduler: clock, rule: { name: rule, uid: rule } });
  const config = configOf({ kind: 'Deployment', name: 'web' });
  const { targets } = await action.run(config, fakeDelivery({ event, revision }), context);
  return targets.map(({ outcome, message = '' }) => `${outcome}: ${message}`);
}

describe('a rollout by somebody else', () => {
  it('after the change was seen is adopted', async () => {
    const event = seen();
    await clock.advance(500);
    put('2');
    await clock.advance(500);
    expect(await run(event)).toEqual(['unchanged: adopted: helm changed its pod template after this change']);
    expect(patchesIn(kube)).toBe(0);
  });

  it('that made the workload anew is adopted', async () => {
    const event = seen();
    kube.objects.remove(WEB);
    await clock.advance(500);
    put('1');
    expect(await run(event)).toEqual(['unchanged: adopted: helm changed its pod template after this change']);
  });

  it('in the same millisecond is not: nobody can tell which was first', async () => {
    const event = seen();
    put('2');
    expect(await run(event)).toEqual(['done: generation 3']);
  });

  it('before the change was seen is not', async () => {
    put('2');
    await clock.advance(500);
    expect(await run(seen())).toEqual(['done: generation 3']);
  });

  it('is not adopted by a schedule, which asks for a rollout and not for a state', async () => {
    const event = seen({ change: 'occurred' });
    await clock.advance(500);
    put('2');
    expect(await run(event)).toEqual(['done: generation 3']);
  });

  it('that the API server dates before the change is not: the watch told it late', async () => {
    const event = seen({ observedAtMs: clock.now() + 60_000 });
    put('2');
    const late = kube.objects.get(WEB) as KubeObject;
    await clock.advance(60_000);
    kube.objects.put(Deployment, {
      ...late,
      spec: { template: { spec: { containers: [{ name: 'web', image: '3' }] } } },
    } as KubeObject);
    expect(await run(event)).toEqual(['done: generation 4']);
  });

  it('that was not watched while it happened is not', async () => {
    const event = seen();
    kube.interruptWatches(new Error('gone') as never);
    put('2');
    kube.resumeWatches();
    expect(await run(event)).toEqual(['done: generation 3']);
  });

  it('that replaces no pods is not', async () => {
    const event = seen();
    put('2', { paused: true });
    expect(await run(event)).toEqual(['done: generation 3; paused: it rolls when it is resumed']);
  });
});

describe('two rules on one target', () => {
  it('roll it once for what both saw before', async () => {
    const event = seen();
    await clock.advance(10);
    expect(await run(event)).toEqual(['done: generation 2']);
    expect(await run(event, { rule: 'other' })).toEqual([
      'unchanged: adopted: TriggerRule shop/example rolled it after this change',
    ]);
    await clock.advance(10);
    expect(await run(seen(), { rule: 'other' })).toEqual(['done: generation 3']);
  });
});

it('leaves alone what has no replicas, and what still has some it does not', async () => {
  put('1', { replicas: 0 });
  expect(await run(seen())).toEqual(['unchanged: has no replicas: pods that start later read the new state']);
  const { metadata, ...body } = kube.objects.get(WEB) as KubeObject;
  kube.objects.put(Deployment, { metadata, ...body, status: { replicas: 1 } } as KubeObject);
  expect(await run(seen())).toEqual(['done: generation 3']);
});

describe('our annotation, removed by somebody else', () => {
  const fight = async (revision: string) => {
    const answer = await run(seen(), { revision });
    await clock.advance(1000);
    put('1');
    await clock.advance(1000);
    return answer;
  };

  it('is no reason to roll, and no other state of it is', async () => {
    await fight('r1');
    expect([patchesIn(kube), annotation()]).toEqual([1, undefined]);
  });

  it('three times in a row is refused at the fourth, naming who does it; the next one tries again', async () => {
    for (const revision of ['r1', 'r2', 'r3']) expect((await fight(revision))[0]).toMatch(/^done/);
    const error: unknown = await run(seen(), { revision: 'r4' }).catch((thrown: unknown) => thrown);
    expect(isTriggerError(error) && [error.code, error.retry, error.message]).toEqual([
      'KT_ROLLOUT_CONTESTED',
      'never',
      `helm removed ${REVISION} from the pod template of Deployment shop/web after each of the last 3 rollouts, and each removal rolled it again`,
    ]);
    expect((await fight('r4'))[0]).toMatch(/^done/);
    await expect(run(seen(), { revision: 'r5' })).rejects.toThrow('each of the last 4 rollouts');
  });

  it('is forgotten once one lasted until the next', async () => {
    for (const revision of ['r1', 'r2']) await fight(revision);
    await run(seen(), { revision: 'r3' });
    await clock.advance(1000);
    await run(seen(), { revision: 'r4' });
    await clock.advance(1000);
    put('1');
    expect((await fight('r5'))[0]).toMatch(/^done/);
  });

  const annotation = () => {
    const { spec } = kube.objects.get(WEB) as KubeObject & {
      spec: { template: { metadata: { annotations?: Record<string, string> } } };
    };
    return spec.template.metadata.annotations?.[REVISION];
  };
});

describe('an Argo Rollout', () => {
  const ROLLOUT: Resource = {
    group: 'argoproj.io',
    version: 'v1alpha1',
    plural: 'rollouts',
    kind: 'Rollout',
    namespaced: true,
  };
  const config = (strategy: RolloutConfig['strategy']): RolloutConfig => ({
    objectRef: { kind: 'Rollout', name: 'canary' },
    strategy,
  });
  const putRollout = (spec: object) =>
    kube.objects.put(ROLLOUT, { metadata: { namespace: 'shop', name: 'canary' }, spec } as KubeObject);
  const roll = (strategy: RolloutConfig['strategy']) =>
    action.run(config(strategy), fakeDelivery({ event: seen() }), fakeContext({ scheduler: clock }));
  beforeEach(() => {
    kube.resourceFor = () => Promise.resolve(ROLLOUT);
  });

  it('with a workloadRef is rolled by the template of the workload that it refers to', async () => {
    put('1', { replicas: 0 });
    putRollout({ replicas: 2, workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } });
    expect((await roll('annotate')).targets).toEqual([
      { target: 'Rollout/shop/canary', outcome: 'done', message: 'generation 3' },
    ]);
    expect(kube.objects.get(WEB)).toMatchObject({
      spec: { template: { metadata: { annotations: { [REVISION]: 'combined-1' } } } },
    });
  });

  it('is restarted by restartAt, whatever it refers to', async () => {
    putRollout({ replicas: 2, workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } });
    await roll('restartedAt');
    expect(kube.objects.get({ resource: ROLLOUT, namespace: 'shop', name: 'canary' })).toMatchObject({
      metadata: { annotations: { [REVISION]: 'combined-1' } },
      spec: { restartAt: '2026-01-01T00:00:00Z' },
    });
  });

  it('whose workload is missing says so', async () => {
    kube.objects.remove(WEB);
    putRollout({ workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } });
    await expect(roll('annotate')).rejects.toThrow('Deployment shop/web does not exist');
  });
});
