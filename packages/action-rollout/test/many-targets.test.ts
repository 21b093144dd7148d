import { type ActionResult, type Delivery, isTriggerError, TriggerError } from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';
import type { EventNote } from '@kube-trigger/kube';
import { fakeContext, fakeDelivery, fakeEvent, RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { RolloutAction, type RolloutConfig } from '../src/index.js';
import { Deployment, patchesIn, putDeployment, restarted, StatefulSet } from './world.js';

const REFERENCING: RolloutConfig = { referencing: true, strategy: 'annotate' };
const SELECTOR: RolloutConfig = { selector: { kind: 'Deployment', matchLabels: { app: 'web' } }, strategy: 'annotate' };

let kube: RecordingKubeClient;
let action: RolloutAction;
let notes: EventNote[];
beforeEach(() => {
  kube = new RecordingKubeClient();
  notes = [];
  action = new RolloutAction(kube, {
    record: (note) => void notes.push(note),
    drain: () => Promise.resolve(),
    dropped: 0,
  });
});

const uses = (...keys: string[]) => ({
  containers: [{ env: keys.map((key) => ({ valueFrom: { configMapKeyRef: { name: 'app-config', key } } })) }],
});
const all = { containers: [{ envFrom: [{ configMapRef: { name: 'app-config' } }] }] };

const run = (config: RolloutConfig, delivery: Parameters<typeof fakeDelivery>[0] = {}, by = action) =>
  by.run(config, fakeDelivery(delivery), fakeContext());

const said = ({ targets }: ActionResult) =>
  targets.map(({ target, outcome, message = '' }) => `${target} ${outcome}: ${message}`).toSorted();

describe('referencing', () => {
  it('rolls those that use a key that changed, and says why the others are left alone', async () => {
    putDeployment(kube, 'whole', { pod: all });
    putDeployment(kube, 'key', { pod: uses('app.conf') });
    putDeployment(kube, 'other-key', { pod: uses('log.conf') });
    putDeployment(kube, 'stranger');
    putDeployment(kube, 'elsewhere', { pod: all, namespace: 'other' });
    expect(said(await run(REFERENCING))).toEqual([
      'Deployment/shop/key done: generation 2',
      'Deployment/shop/other-key unchanged: does not use what changed (app.conf)',
      'Deployment/shop/whole done: generation 2',
    ]);
  });

  it('asked for by hand rolls in the namespace of the rule only, whatever key was named', async () => {
    putDeployment(kube, 'near', { pod: all });
    putDeployment(kube, 'far', { pod: all, namespace: 'other' });
    const named = (namespace: string) => ({
      event: fakeEvent({ key: `ConfigMap/${namespace}/app-config`, manual: { by: 'alice' } }),
    });
    await expect(run(REFERENCING, named('other'))).rejects.toMatchObject({
      code: 'KT_ROLLOUT_NO_OBJECT',
      retry: 'never',
      message: expect.stringMatching(/ConfigMap\/other\/app-config was named by hand/) as string,
    });
    expect(said(await run(REFERENCING, named('shop')))).toEqual(['Deployment/shop/near done: generation 2']);
    expect(patchesIn(kube)).toBe(1);
  });

  it('lists once per kind; each change then costs its patches only', async () => {
    putDeployment(kube, 'a', { pod: all });
    await action.check(REFERENCING, fakeContext());
    const opened = kube.requests.length;
    expect(opened).toBe(6);
    await run(REFERENCING);
    await run(REFERENCING, { event: fakeEvent({ id: 'event-2' }), revision: 'combined-2' });
    expect(kube.said.slice(opened)).toEqual(['patch deployments.apps', 'patch deployments.apps']);
  });

  it('follows workloads that come, go and change what they use', async () => {
    await action.check(REFERENCING, fakeContext());
    putDeployment(kube, 'late', { pod: all });
    putDeployment(kube, 'gone', { pod: all });
    kube.objects.remove({ resource: Deployment, namespace: 'shop', name: 'gone' });
    putDeployment(kube, 'left', { pod: all });
    putDeployment(kube, 'left', { pod: uses() });
    expect(said(await run(REFERENCING))).toEqual(['Deployment/shop/late done: generation 2']);
  });

  it('says that nobody uses the object, by kind', async () => {
    const result = await run(REFERENCING, { event: fakeEvent({ key: 'Secret/shop/tls' }) });
    expect(said(result)).toEqual([
      'DaemonSet/shop/* unchanged: none uses Secret tls',
      'Deployment/shop/* unchanged: none uses Secret tls',
      'StatefulSet/shop/* unchanged: none uses Secret tls',
    ]);
  });

  it('looks where the changed object is, also in another namespace than the rule’s', async () => {
    putDeployment(kube, 'there', { pod: all, namespace: 'there' });
    const event = fakeEvent({ key: 'ConfigMap/there/app-config' });
    expect(said(await run(REFERENCING, { event }))).toEqual(['Deployment/there/there done: generation 2']);
  });

  it('refuses events about what no pod refers to', async () => {
    expect(await rejection(run(REFERENCING, { event: fakeEvent({ key: 'timer' }) }))).toEqual([
      'KT_ROLLOUT_NO_OBJECT',
      'never',
      'timer is nothing that a pod template refers to',
    ]);
  });
});

describe('a selector', () => {
  it('rolls those with the labels', async () => {
    putDeployment(kube, 'a', { metadata: { labels: { app: 'web' } } });
    putDeployment(kube, 'b', { metadata: { labels: { app: 'api' } } });
    expect(said(await run(SELECTOR))).toEqual(['Deployment/shop/a done: generation 2']);
  });

  it('says that nothing matches', async () => {
    expect(said(await run(SELECTOR))).toEqual(['Deployment/shop/* unchanged: none matches the selector']);
  });

  it('takes no offence at one that goes while it is at work', async () => {
    putDeployment(kube, 'a', { metadata: { labels: { app: 'web' } } });
    kube.intercept = ({ verb, name = '' }) => {
      if (verb === 'patch') kube.objects.remove({ resource: Deployment, namespace: 'shop', name });
    };
    expect(said(await run(SELECTOR))).toEqual(['Deployment/shop/a unchanged: does not exist any more']);
  });
});

describe('many targets', () => {
  const names = Array.from({ length: 500 }, (_, n) => `w${n}`);
  const generations = () => kube.objects.all(Deployment).map(({ metadata }) => metadata.generation);

  it('are all patched once, at most 16 at a time', async () => {
    for (const name of names) putDeployment(kube, name, { pod: all });
    let most = 0;
    let now = 0;
    kube.intercept = async ({ verb }) => {
      if (verb !== 'patch') return;
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
    };
    expect((await run(REFERENCING)).targets.length).toBe(500);
    expect([patchesIn(kube), most, new Set(generations())]).toEqual([500, 16, new Set([2])]);
  });

  it('are each acted on once although the process ends in the middle', async () => {
    for (const name of names) putDeployment(kube, name, { pod: all });
    const controller = new AbortController();
    let answered = 0;
    kube.intercept = ({ verb }) => {
      if (verb === 'patch' && (answered += 1) === 200) controller.abort(new Error('killed'));
    };
    const killed = action.run(REFERENCING, fakeDelivery(), fakeContext({ signal: controller.signal }));
    await expect(killed).rejects.toThrow('killed');
    const next = restarted(kube);
    const before = generations().filter((generation) => generation === 2).length;
    expect(before).toBeGreaterThan(100);
    expect(before).toBeLessThan(500);
    await run(REFERENCING, { redelivered: true }, new RolloutAction(next));
    expect(new Set(generations())).toEqual(new Set([2]));
    expect(patchesIn(next)).toBe(500 - before);
  });

  it('fail one by one: the others are done, and only what failed is tried again', async () => {
    for (const name of names.slice(0, 10)) putDeployment(kube, name, { pod: all });
    kube.intercept = ({ verb, name }) => {
      if (verb === 'patch' && (name === 'w3' || name === 'w7')) {
        throw new TriggerError('KT_KUBE_SERVER_ERROR', `${name} is on fire`);
      }
    };
    const { code, retry, message, targets = [] } = await failureOf(run(REFERENCING));
    expect([code, retry, message]).toEqual([
      'KT_ROLLOUT_INCOMPLETE',
      'backoff',
      '2 of 10 failed: w3 is on fire; w7 is on fire',
    ]);
    expect(targets.filter(({ outcome }) => outcome === 'done')).toHaveLength(8);
    expect(targets.slice(0, 2)).toEqual([
      { target: 'Deployment/shop/w3', outcome: 'failed', message: 'w3 is on fire' },
      { target: 'Deployment/shop/w7', outcome: 'failed', message: 'w7 is on fire' },
    ]);
    kube.intercept = undefined;
    const again = await run(REFERENCING, { redelivered: true, attempt: 2 });
    expect(said(again).filter((line) => line.includes('done'))).toEqual([
      'Deployment/shop/w3 done: generation 2',
      'Deployment/shop/w7 done: generation 2',
    ]);
    expect(new Set(generations())).toEqual(new Set([2]));
  });

  it('are not rolled twice for one change that is tried again after another key of the rule began', async () => {
    for (const name of names.slice(0, 10)) putDeployment(kube, name, { pod: all });
    const patch = kube.patch.bind(kube);
    kube.patch = async (ref, ...rest) => {
      if (ref.name === 'w3') throw new TriggerError('KT_KUBE_FORBIDDEN', 'not now');
      const answer = await patch(ref, ...rest);
      if (ref.name === 'w7') throw new TriggerError('KT_KUBE_UNREACHABLE', 'reset after the patch was applied');
      return answer as never;
    };
    await failureOf(run(REFERENCING));
    kube.patch = patch;
    const again = await run(REFERENCING, { revision: 'combined-2', redelivered: true, attempt: 2 });
    expect(said(again).filter((line) => line.includes('done'))).toEqual(['Deployment/shop/w3 done: generation 2']);
    expect(new Set(generations())).toEqual(new Set([2]));
  });

  it('that were rolled for another key after the change are left alone by a later attempt', async () => {
    for (const name of ['w1', 'w2']) putDeployment(kube, name, { pod: all });
    const scheduler = new VirtualClock();
    const at = (delivery: Partial<Delivery>) =>
      action.run(REFERENCING, fakeDelivery(delivery), fakeContext({ scheduler }));
    kube.intercept = ({ verb, name }) => {
      if (verb === 'patch' && name === 'w2') throw new TriggerError('KT_KUBE_SERVER_ERROR', 'not now');
    };
    await failureOf(at({}));
    kube.intercept = undefined;
    await scheduler.advance(1000);
    const event = fakeEvent({ id: 'event-2', observedAtMs: scheduler.now() });
    await at({ event, revision: 'combined-2' });
    expect(generations()).toEqual([3, 2]);
    expect(said(await at({ revision: 'combined-3', redelivered: true, attempt: 2 }))).toEqual([
      'Deployment/shop/w1 unchanged: was rolled by this rule after this change, for another one',
      'Deployment/shop/w2 unchanged: was rolled by this rule after this change, for another one',
    ]);
    expect(generations()).toEqual([3, 2]);
  });

  it('of one kind do not wait for another that may not be watched', async () => {
    putDeployment(kube, 'a', { pod: all });
    kube.forbid('watch', StatefulSet);
    const [code, , message] = await rejection(run(REFERENCING));
    expect([code, message]).toEqual([
      'KT_ROLLOUT_INCOMPLETE',
      '1 of 2 failed: kube-trigger may not watch statefulsets in shop (statefulsets.apps)',
    ]);
    expect(generations()).toEqual([2]);
  });

  it.each<[string, TriggerError['retry'][], TriggerError['retry']]>([
    ['the soonest', [{ afterMs: 9 }, { afterMs: 3 }], { afterMs: 3 }],
    ['any that may help', ['never', { afterMs: 3 }], { afterMs: 3 }],
    ['backoff first', [{ afterMs: 3 }, 'backoff'], 'backoff'],
    ['never when nothing helps', ['never', 'never'], 'never'],
  ])('are repeated after %s', async (_, hints, expected) => {
    const failing = hints.map((retry, index) => {
      putDeployment(kube, `f${index}`, { pod: all });
      return new TriggerError('KT_KUBE_SERVER_ERROR', 'no', { retry });
    });
    kube.intercept = ({ verb, name = '' }) => {
      if (verb === 'patch') throw failing[Number(name.slice(1))] ?? new Error('unknown');
    };
    expect((await rejection(run(REFERENCING)))[1]).toEqual(expected);
  });
});

it('tells each workload by an Event, with names only', async () => {
  putDeployment(kube, 'a', { pod: all });
  await run(REFERENCING);
  await run(REFERENCING, { redelivered: true });
  const uid = kube.objects.all(Deployment)[0]?.metadata.uid;
  expect(notes).toEqual([
    {
      regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'a', uid },
      type: 'Normal',
      reason: 'RolloutTriggered',
      message: 'ConfigMap shop/app-config updated (app.conf) by TriggerRule shop/example at 2026-01-01T00:00:00Z',
    },
  ]);
});

async function failureOf(promise: Promise<unknown>): Promise<TriggerError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!isTriggerError(error)) throw new Error(`no TriggerError: ${String(error)}`);
  return error;
}

async function rejection(promise: Promise<unknown>) {
  const { code, retry, message } = await failureOf(promise);
  return [code, retry, message];
}
