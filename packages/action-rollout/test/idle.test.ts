import { TriggerError, type TriggerEvent } from '@kube-trigger/core';
import { fakeContext, fakeDelivery, fakeEvent, RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { RolloutAction, type RolloutConfig } from '../src/index.js';
import { Deployment, putDeployment } from './world.js';

const REFERENCING: RolloutConfig = { referencing: true, strategy: 'annotate' };
const uses = (key: string) => ({
  containers: [{ env: [{ valueFrom: { configMapKeyRef: { name: 'app-config', key } } }] }],
});

let kube: RecordingKubeClient;
let action: RolloutAction;
beforeEach(() => {
  kube = new RecordingKubeClient();
  action = new RolloutAction(kube);
});

const idle = (config = REFERENCING, event: Partial<TriggerEvent> = {}) =>
  action.idle(config, fakeEvent(event), fakeContext());

describe('referencing', () => {
  it('is idle for what none uses, as soon as the index is there, and until one does', async () => {
    putDeployment(kube, 'stranger');
    expect(idle()).toBeUndefined();
    await action.check(REFERENCING, fakeContext());
    const asked = kube.requests.length;
    expect(idle()).toBe('none of Deployment, StatefulSet, DaemonSet uses ConfigMap app-config');
    putDeployment(kube, 'web', { pod: uses('app.conf') });
    expect(idle()).toBeUndefined();
    kube.objects.remove({ resource: Deployment, namespace: 'shop', name: 'web' });
    expect(idle()).toContain('uses ConfigMap app-config');
    expect(kube.requests).toHaveLength(asked);
  });

  it('is idle where no key changed that any of them uses', async () => {
    putDeployment(kube, 'web', { pod: uses('app.conf') });
    await action.check(REFERENCING, fakeContext());
    expect(idle(REFERENCING, { changedKeys: ['log.conf'] })).toBe(
      'none of Deployment, StatefulSet, DaemonSet uses what changed of ConfigMap app-config',
    );
    expect(idle(REFERENCING, { changedKeys: ['log.conf', 'app.conf'] })).toBeUndefined();
    expect(idle(REFERENCING, { changedKeys: undefined })).toBeUndefined();
  });

  it('does not say so of a namespace that was not looked at, and does once it was', async () => {
    await action.check(REFERENCING, fakeContext());
    const event = fakeEvent({ key: 'ConfigMap/there/app-config' });
    expect(idle(REFERENCING, event)).toBeUndefined();
    await action.run(REFERENCING, fakeDelivery({ event }), fakeContext());
    expect(idle(REFERENCING, event)).toBeDefined();
  });

  it('does not say so while a watch of workloads is interrupted', async () => {
    await action.check(REFERENCING, fakeContext());
    expect(idle()).toBeDefined();
    kube.interruptWatches(new TriggerError('KT_KUBE_UNREACHABLE', 'gone'));
    expect(idle()).toBeUndefined();
  });

  it.each<[string, RolloutConfig, Partial<TriggerEvent>]>([
    ['with snapshots, whose old copies may have to go', { ...REFERENCING, configSnapshot: { history: 5 } }, {}],
    ['for kinds that have to be asked for', { ...REFERENCING, kinds: [{ kind: 'Rollout' }] }, {}],
    ['for what no pod refers to, which is an error', REFERENCING, { key: 'timer' }],
    ['for workloads that are chosen otherwise', { selector: { kind: 'Deployment' }, strategy: 'annotate' }, {}],
  ])('does not say so %s', async (_, config, event) => {
    await action.check(config, fakeContext()).catch(() => undefined);
    expect(idle(config, event)).toBeUndefined();
  });
});
