import { beforeEach, describe, expect, it } from 'vitest';
import { Pod } from '../world.js';
import { Fleet } from './fleet.js';

const PACING = { waves: [{ count: 2 }] };

let fleet: Fleet;
beforeEach(() => {
  fleet = new Fleet();
  for (const name of ['a', 'b', 'c', 'd']) fleet.put(name);
});

const waiting = (reason: string, restartCount = 0, exitCode?: number) => ({
  containerStatuses: [
    {
      name: 'app',
      restartCount,
      state: { waiting: { reason } },
      ...(exitCode === undefined ? {} : { lastState: { terminated: { exitCode } } }),
    },
  ],
});

describe('a rollout that fails', () => {
  it('stops the rest: its controller gave up', async () => {
    await fleet.run(PACING);
    fleet.complete('a');
    fleet.stuck('b');
    expect(await fleet.run(PACING)).toEqual({
      outcome: 'failed',
      because:
        'KT_ROLLOUT_WAVE_FAILED never: wave 1 of 2: 1 of 2 done; Deployment/shop/b failed: ProgressDeadlineExceeded; 2 left alone',
      fix: 'Mend the configuration or the workload: the next change starts again at the first wave. Once the rollout is complete, kube-trigger retry goes on with this one',
    });
    expect(fleet.with('combined-1')).toEqual(['a', 'b']);
  });

  it('stops the rest: its new pod crashes again and again', async () => {
    await fleet.run(PACING);
    fleet.complete('a');
    fleet.rolling('b');
    fleet.putPod('b', waiting('CrashLoopBackOff', 1, 1));
    await fleet.clock.advance(10_000);
    expect((await fleet.run(PACING)).outcome).toBe('waiting');
    fleet.putPod('b', waiting('CrashLoopBackOff', 2, 1));
    await fleet.clock.advance(10_000);
    expect((await fleet.run(PACING)).because).toContain(
      'Deployment/shop/b failed: pod b-x, container app: CrashLoopBackOff (exit code 1, 2 restarts); 2 left alone',
    );
  });

  it('stops the rest, though many others take their time: each is looked at in its turn', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `slow-${i + 10}`);
    for (const name of ['a', 'b', 'c', 'd']) fleet.kube.objects.remove(fleet.ref(name));
    for (const name of [...names, 'zz', 'zzz']) fleet.put(name);
    const pacing = { waves: [{ count: 13 }] };
    await fleet.run(pacing);
    for (const name of [...names, 'zz']) fleet.rolling(name);
    fleet.putPod('zz', waiting('CrashLoopBackOff', 2, 1));
    await fleet.clock.advance(10_000);
    expect((await fleet.run(pacing)).outcome).toBe('waiting');
    await fleet.clock.advance(10_000);
    expect((await fleet.run(pacing)).because).toContain('Deployment/shop/zz failed: pod zz-x');
  });

  it('is not judged by pods of the template before', async () => {
    fleet.putPod('b', waiting('CrashLoopBackOff', 9, 1));
    await fleet.run(PACING);
    fleet.complete('a');
    fleet.rolling('b');
    await fleet.clock.advance(20_000);
    expect((await fleet.run(PACING)).outcome).toBe('waiting');
  });

  it('has come no further within the deadline, measured from when the API server took the patch', async () => {
    const pacing = { ...PACING, progressDeadlineSeconds: 120 };
    await fleet.run(pacing);
    fleet.complete('a');
    fleet.rolling('b');
    fleet.putPod('b', waiting('CreateContainerConfigError'));
    await fleet.clock.advance(120_000);
    fleet.restart();
    expect((await fleet.run(pacing)).outcome).toBe('waiting');
    await fleet.clock.advance(1000);
    fleet.restart();
    expect((await fleet.run(pacing)).because).toContain(
      'b failed: no progress within 120 s: pod b-x, container app: CreateContainerConfigError',
    );
  });

  it('that gets on has all its time again', async () => {
    const pacing = { ...PACING, progressDeadlineSeconds: 120 };
    await fleet.run(pacing);
    fleet.complete('a');
    await fleet.clock.advance(100_000);
    const time = new Date(fleet.clock.now()).toISOString();
    const { metadata, spec } = fleet.get('b');
    const managedFields = [
      ...(metadata.managedFields ?? []),
      { manager: 'kube-controller-manager', time, fieldsV1: { 'f:status': { 'f:updatedReplicas': {} } } },
    ];
    fleet.kube.objects.put(fleet.ref('b').resource, { metadata: { ...metadata, managedFields }, spec } as never);
    fleet.rolling('b', 2);
    await fleet.clock.advance(119_000);
    expect((await fleet.run(pacing)).outcome).toBe('waiting');
    await fleet.clock.advance(2000);
    expect((await fleet.run(pacing)).because).toContain('no progress within 120 s: 2 of 3 pods are updated');
  });

  it('by the Deployment’s own deadline goes on where the rule gives it longer', async () => {
    const pacing = { ...PACING, progressDeadlineSeconds: 1200 };
    await fleet.run(pacing);
    fleet.stuck('b');
    await fleet.clock.advance(700_000);
    expect((await fleet.run(pacing)).outcome).toBe('waiting');
  });

  it('is over once it came up: what was given up goes on', async () => {
    await fleet.run(PACING);
    fleet.complete('a');
    fleet.stuck('b');
    expect((await fleet.run(PACING)).outcome).toBe('failed');
    fleet.complete('b');
    expect((await fleet.run(PACING)).outcome).toBe('waiting');
    expect(fleet.with('combined-1')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('counts while waves wait for time, and in the last wave', async () => {
    const pacing = { waves: [{ count: 2 }], progress: 'time' as const, waveIntervalSeconds: 60 };
    await fleet.run(pacing);
    fleet.stuck('a');
    expect((await fleet.run(pacing)).because).toContain('Deployment/shop/a failed');
    fleet.complete('a', 'b');
    await fleet.clock.advance(60_000);
    await fleet.run(PACING);
    fleet.stuck('d');
    expect((await fleet.run(PACING)).because).toContain('wave 2 of 2: 0 of 2 done; Deployment/shop/d failed');
  });
});

it('lists the pods of a rollout that takes its time, every ten seconds at most', async () => {
  await fleet.run(PACING);
  for (let second = 0; second < 40; second += 1) {
    await fleet.run(PACING);
    await fleet.clock.advance(1000);
  }
  expect(fleet.kube.said.filter((request) => request === 'list pods')).toHaveLength(6);
});

it('says which right is missing', async () => {
  await fleet.run(PACING);
  fleet.rolling('a');
  fleet.kube.forbid('list', Pod);
  await fleet.clock.advance(10_000);
  expect(await fleet.run(PACING)).toMatchObject({
    because: 'KT_ROLLOUT_FORBIDDEN backoff: kube-trigger may not list pods in shop (pods)',
    fix: 'Add to a Role in namespace shop, bound to kube-trigger\'s identity: {apiGroups: [""], resources: ["pods"], verbs: ["list"]}',
  });
});
