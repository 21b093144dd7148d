import { VirtualClock } from '@kube-trigger/core/testing';
import { type ActionResult, isTriggerError } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { type ApiObject, describeOnClusters, eventually, type TestCluster } from '@kube-trigger/testing';
import { fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RolloutAction, type RolloutConfig } from '../../src/index.js';
import type { Pacing } from '../../src/pacing/config.js';

const REVISION = 'trigger.app.example.com/shop.example';
const UNDONE = 'trigger.app.example.com/undone_shop.example';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const PLURALS = { Deployment: 'deployments', StatefulSet: 'statefulsets', DaemonSet: 'daemonsets' } as const;
type Kind = keyof typeof PLURALS;

interface Pod extends ApiObject {
  readonly spec: { readonly containers: readonly { readonly name: string }[] };
}

/** Nobody schedules the pods, on either server: the test is their kubelet. */
describeOnClusters('updatePodTemplate with pacing', (start) => {
  let cluster: TestCluster;
  let kube: KubeClient;
  let namespace: string;
  let action: RolloutAction;
  let clock: VirtualClock;
  beforeAll(async () => {
    cluster = await start();
    const auth = staticAuth({ server: cluster.url, ca: cluster.ca, token: cluster.token });
    kube = createKubeClient({ auth, logger: new RecordingLogger() });
  });
  beforeEach(async () => {
    namespace = await cluster.createNamespace('pacing');
    clock = new VirtualClock(Date.now());
    action = new RolloutAction(kube);
    return () => action.dispose();
  });
  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  const apps = (kind: Kind, name = '') => `/apis/apps/v1/namespaces/${namespace}/${PLURALS[kind]}${name && `/${name}`}`;
  const listOf = async <T extends ApiObject>(path: string) =>
    ((await cluster.request('GET', path)).json.items ?? []) as T[];
  const pods = () => listOf<Pod>(`/api/v1/namespaces/${namespace}/pods`);
  const read = async (kind: Kind, name: string) => (await cluster.request('GET', apps(kind, name))).json;

  const make = async (kind: Kind, name: string, labels: object = {}, more: object = {}) => {
    const template = {
      metadata: { labels: { app: name } },
      spec: {
        schedulerName: 'nobody',
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'app', image: 'app:1' }],
      },
    };
    const spec = {
      selector: { matchLabels: { app: name } },
      template,
      ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
      ...more,
    };
    const made = await cluster.request('POST', apps(kind), { metadata: { name, labels }, spec });
    if (made.status !== 201) throw new Error(`${kind} ${name}: ${made.status} ${made.text}`);
  };

  /** Lets pods of these workloads run, or whatever their status is to be. */
  const serve = async (apps_: readonly string[], status: (pod: Pod) => object = running) => {
    for (const pod of await pods()) {
      const { name = '', labels = {} } = pod.metadata as { name?: string; labels?: Record<string, string> };
      if (!apps_.includes(labels['app'] ?? '')) continue;
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
      const served = await cluster.request('PATCH', path, { status: status(pod) }, MERGE);
      // It may have gone meanwhile.
      if (served.status !== 200 && served.status !== 404) throw new Error(`${name}: ${served.status} ${served.text}`);
    }
  };
  const running = () => ({
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }],
  });
  const rolledFor = ({ metadata }: ApiObject) => metadata.annotations?.[REVISION];
  const crashing = (revision: string) => (pod: Pod) =>
    rolledFor(pod) !== revision
      ? running()
      : {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: new Date().toISOString() }],
          containerStatuses: [
            {
              name: 'app',
              image: 'app:1',
              imageID: '',
              ready: false,
              restartCount: 3,
              state: { waiting: { reason: 'CrashLoopBackOff' } },
              lastState: { terminated: { exitCode: 7 } },
            },
          ],
        };

  const available = async (...names: string[]) =>
    eventually(
      async () => {
        await serve(names);
        for (const name of names) {
          const { metadata, status } = await read('Deployment', name);
          const { observedGeneration, availableReplicas, updatedReplicas, replicas } = (status ?? {}) as Record<
            string,
            number
          >;
          const isComplete =
            observedGeneration === metadata.generation &&
            replicas === 1 &&
            availableReplicas === 1 &&
            updatedReplicas === 1;
          if (!isComplete) throw new Error(`${name}: ${JSON.stringify(status)}`);
        }
        return true;
      },
      { because: `${names.join()} should be available`, timeoutMs: 20_000 },
    );

  const run = async (
    pacing: Pacing,
    delivery: object = {},
    more: Partial<RolloutConfig> = {},
  ): Promise<ActionResult | string> => {
    const config: RolloutConfig = {
      strategy: 'annotate',
      selector: { kind: 'Deployment', namespace },
      ...more,
      pacing,
    };
    const event = fakeEvent({ observedAtMs: clock.now() - 60_000 });
    const context = fakeContext({ rule: { namespace: 'shop', name: 'example' }, scheduler: clock });
    return action
      .run(config, fakeDelivery({ event, redelivered: true, ...delivery }), context)
      .catch((thrown: unknown) => {
        if (!isTriggerError(thrown)) throw thrown;
        return `${thrown.code}: ${thrown.message}`;
      });
  };
  const because = (result: ActionResult | string) =>
    typeof result === 'string' ? result : result.outcome === 'waiting' ? result.because : result.outcome;
  const revisions = async (...names: string[]) =>
    Promise.all(
      names.map(async (name) => templateOf(await read('Deployment', name)).metadata?.annotations?.[REVISION]),
    );
  /** As after a kill. */
  const restart = () => {
    action.dispose();
    action = new RolloutAction(kube);
  };

  it('rolls wave after wave, each once, whatever happens to the process', async () => {
    const pacing: Pacing = { waves: [{ matchLabels: { tier: 'canary' } }, { count: 1 }] };
    await make('Deployment', 'z', { tier: 'canary' });
    await make('Deployment', 'a');
    await make('Deployment', 'b');
    await available('a', 'b', 'z');
    const seen: unknown[] = [];
    await eventually(
      async () => {
        const result = await run(pacing);
        restart();
        const now = await revisions('z', 'a', 'b');
        if (JSON.stringify(now) !== JSON.stringify(seen.at(-1))) seen.push(now);
        await serve(['a', 'b', 'z']);
        return because(result) === 'unchanged';
      },
      { because: 'all waves should pass', timeoutMs: 60_000 },
    );
    const [none, done] = [undefined, 'combined-1'];
    expect(seen).toEqual([
      [done, none, none],
      [done, done, none],
      [done, done, done],
    ]);
    const generations = await Promise.all(
      ['a', 'b', 'z'].map(async (name) => (await read('Deployment', name)).metadata.generation),
    );
    expect(generations).toEqual([2, 2, 2]);
  }, 90_000);

  it('keeps the time between two rollouts by the API server’s clock, also after a kill', async () => {
    await make('Deployment', 'a');
    await available('a');
    const pacing = { minIntervalSeconds: 600 };
    await run(pacing);
    await available('a');
    await eventually(async () => because(await run(pacing)) === 'unchanged');
    restart();
    const next = {
      id: 'event-2',
      revision: 'combined-2',
      event: fakeEvent({ id: 'event-2', observedAtMs: clock.now() - 60_000 }),
    };
    await clock.advance(580_000);
    expect(because(await run(pacing, next))).toBe(
      `0 of 1 done; Deployment/${namespace}/a was rolled less than 600 s ago`,
    );
    await clock.advance(60_000);
    await run(pacing, next);
    expect(await revisions('a')).toEqual(['combined-2']);
    const { managedFields = [] } = (await read('Deployment', 'a')).metadata;
    expect(managedFields.map(({ manager }) => manager)).toContain('kube-trigger/shop.example');
  });

  it('wakes when the rollout that it waits for moves', async () => {
    await make('Deployment', 'a');
    await available('a');
    await run({ waves: [{ count: 1 }] });
    await eventually(async () => (await pods()).some((pod) => rolledFor(pod) === 'combined-1'));
    const result = await run({ waves: [{ count: 1 }] });
    if (typeof result === 'string' || result.outcome !== 'waiting' || result.until === undefined)
      throw new Error('does not wait');
    let woken = false;
    const heard = result.until.subscribe(() => (woken = true));
    await serve(['a']);
    await eventually(
      async () => {
        await clock.advance(1000);
        return woken;
      },
      { because: 'the status of the Deployment changed' },
    );
    heard.unsubscribe();
  });

  describe('onFailure: undo', () => {
    const UNDO: Pacing = { waves: [{ count: 1 }], onFailure: 'undo' };

    it('brings back the ReplicaSet of a Deployment whose new pod crashes, and stops the rest', async () => {
      await make('Deployment', 'a');
      await make('Deployment', 'b');
      await available('a', 'b');
      await run(UNDO);
      await eventually(async () => (await pods()).some((pod) => rolledFor(pod) === 'combined-1'));
      const failed = await eventually(async () => {
        await serve(['a'], crashing('combined-1'));
        await clock.advance(11_000);
        const result = await run(UNDO);
        return typeof result === 'string' ? result : undefined;
      });
      expect(failed).toMatch(
        /^KT_ROLLOUT_WAVE_FAILED: wave 1 of 2: 0 of 1 done; Deployment\/\S+\/a failed: pod a-\S+, container app: CrashLoopBackOff \(exit code 7, 3 restarts\); rolled back: Deployment\/\S+\/a; 1 left alone$/,
      );
      await available('a', 'b');
      expect(await revisions('a', 'b')).toEqual([undefined, undefined]);
      const replicaSets = await listOf(`/apis/apps/v1/namespaces/${namespace}/replicasets`);
      const sizes = replicaSets
        .filter(({ metadata }) => metadata.name?.startsWith('a-'))
        .map(({ metadata, spec }) => {
          const number = metadata.annotations?.['deployment.kubernetes.io/revision'];
          return `revision ${number}: ${(spec as { replicas: number }).replicas}`;
        });
      expect(new Set(sizes)).toEqual(new Set(['revision 2: 0', 'revision 3: 1']));
      restart();
      expect(because(await run(UNDO))).toMatch(/^KT_ROLLOUT_WAVE_FAILED: .*rolled back: /);
      const { metadata } = await read('Deployment', 'a');
      expect([metadata.generation, metadata.annotations?.[UNDONE]]).toEqual([3, 'combined-1']);
      await run(UNDO, {
        id: 'event-2',
        revision: 'combined-2',
        event: fakeEvent({ id: 'event-2', observedAtMs: clock.now() }),
      });
      expect([await revisions('a'), (await read('Deployment', 'a')).metadata.annotations?.[UNDONE]]).toEqual([
        ['combined-2'],
        undefined,
      ]);
    }, 60_000);

    it.each(['StatefulSet', 'DaemonSet'] as const)(
      'brings back the ControllerRevision of a %s',
      async (kind) => {
        await make(kind, 'a', {}, kind === 'StatefulSet' ? { podManagementPolicy: 'Parallel' } : {});
        const controllerRevisions = () => listOf(`/apis/apps/v1/namespaces/${namespace}/controllerrevisions`);
        await eventually(async () => (await controllerRevisions()).length === 1);
        await serve(['a']);
        const before = templateOf(await read(kind, 'a'));
        const more = { selector: { kind, namespace } };
        await run(UNDO, {}, more);
        await eventually(async () => (await controllerRevisions()).length === 2);
        // No progress within its deadline: whatever the status is, the API server has not changed it for so long.
        const stuck = {
          observedGeneration: 2,
          desiredNumberScheduled: 1,
          numberAvailable: 0,
          updatedNumberScheduled: 0,
          currentNumberScheduled: 0,
          numberMisscheduled: 0,
          numberReady: 0,
        };
        const failed = await eventually(
          async () => {
            if (kind === 'DaemonSet')
              await cluster.request('PATCH', `${apps(kind, 'a')}/status`, { status: stuck }, MERGE);
            await clock.advance(1_000_000);
            const result = await run({ ...UNDO, progressDeadlineSeconds: 60 }, {}, more);
            return typeof result === 'string' ? result : undefined;
          },
          { timeoutMs: 20_000 },
        );
        expect(failed).toMatch(new RegExp(`rolled back: ${kind}/${namespace}/a$`));
        const after = await read(kind, 'a');
        expect([templateOf(after), after.metadata.annotations?.[UNDONE]]).toEqual([before, 'combined-1']);
        await eventually(async () => {
          const numbers = (await controllerRevisions()).map(
            (each) => (each as unknown as { revision: number }).revision,
          );
          return numbers.toSorted((a, b) => a - b).join() === '2,3';
        });
      },
      60_000,
    );
  });
});

interface Template {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

function templateOf({ spec }: ApiObject): Template {
  return (spec as { template: Template }).template;
}
