import { type Delivery, isTriggerError, TriggerError } from '@kube-trigger/core';
import type { KubeObject } from '@kube-trigger/kube';
import { fakeContext, fakeDelivery, fakeEvent, RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { of } from 'rxjs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RolloutAction } from '../src/index.js';
import {
  annotationsOf,
  BUSYBOX,
  configOf,
  patchesIn,
  putBusybox,
  putDeployment,
  restarted,
  StatefulSet,
} from './world.js';

const REVISION = 'trigger.app.example.com/shop.example';
const CAUSE = 'trigger.app.example.com/cause';
const config = configOf({ kind: 'StatefulSet', name: 'busybox' });

let kube: RecordingKubeClient;
let action: RolloutAction;
beforeEach(() => {
  kube = new RecordingKubeClient();
  action = new RolloutAction(kube);
  putBusybox(kube);
});

const run = (delivery: Partial<Delivery> = {}, context = fakeContext()) =>
  action.run(config, fakeDelivery(delivery), context);

/** A change after the first one. */
const change = (n: number) => ({ event: fakeEvent({ id: `event-${n}` }), revision: `combined-${n}` });

const unchanged = (message: string) => ({
  outcome: 'unchanged',
  targets: [{ target: 'StatefulSet/shop/busybox', outcome: 'unchanged', message }],
});

/** What the index asks once, for all later changes. */
const OPENED = ['list statefulsets.apps', 'watch statefulsets.apps'];

describe('a first delivery', () => {
  it('is one patch and nothing else, the next one as well', async () => {
    expect(await run()).toEqual({
      outcome: 'done',
      targets: [{ target: 'StatefulSet/shop/busybox', outcome: 'done', message: 'generation 2' }],
    });
    expect(kube.said).toEqual([...OPENED, 'patch statefulsets.apps']);
    expect(kube.requests.slice(-1)).toEqual([
      {
        verb: 'patch',
        ...BUSYBOX,
        subresource: undefined,
        body: {
          spec: {
            template: {
              metadata: {
                annotations: {
                  [REVISION]: 'combined-1',
                  [CAUSE]:
                    'ConfigMap shop/app-config updated (app.conf) by TriggerRule shop/example at 2026-01-01T00:00:00Z',
                },
              },
            },
          },
        },
      },
    ]);
  });

  it('leaves other annotations and the rest of the template alone', async () => {
    const containers = [{ name: 'busybox' }];
    const template = { metadata: { annotations: { mine: 'stays' } }, spec: { containers } };
    kube.objects.put(StatefulSet, { metadata: BUSYBOX, spec: { template } } as never);
    await run();
    expect(annotationsOf(kube)).toEqual({ mine: 'stays', [REVISION]: 'combined-1', [CAUSE]: expect.any(String) });
    expect(kube.objects.get(BUSYBOX)).toMatchObject({ spec: { template: { spec: { containers } } } });
  });

  it('goes to the namespace of objectRef, for any kind that rolls, with or without apiVersion', async () => {
    putDeployment(kube, 'web', { namespace: 'there' });
    const objectRef = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'there', name: 'web' };
    const { targets } = await action.run(configOf(objectRef), fakeDelivery(), fakeContext());
    expect(targets.map(({ target }) => target)).toEqual(['Deployment/there/web']);
  });

  it('patches a paused Deployment all the same', async () => {
    putDeployment(kube, 'web', { spec: { paused: true } });
    const { outcome } = await action.run(configOf({ kind: 'Deployment', name: 'web' }), fakeDelivery(), fakeContext());
    expect(outcome).toBe('done');
  });

  it('is sent by the field manager kube-trigger as a merge patch, with the signal', async () => {
    const seen: unknown[] = [];
    const patch = kube.patch.bind(kube);
    kube.patch = (ref, body, options) => {
      seen.push(options);
      return patch(ref, body, options);
    };
    const context = fakeContext();
    await run({}, context);
    expect(seen).toEqual([{ type: 'merge', fieldManager: 'kube-trigger', signal: context.signal }]);
  });
});

describe('an equal revision', () => {
  it('is seen by the index after a restart, and left alone', async () => {
    await run();
    const next = restarted(kube);
    const again = await new RolloutAction(next).run(config, fakeDelivery({ redelivered: true }), fakeContext());
    expect(again).toEqual(unchanged('has this revision already'));
    expect(next.said).toEqual(OPENED);
  });

  it('is patched when the earlier attempt did not arrive', async () => {
    expect((await run({ redelivered: true })).outcome).toBe('done');
    expect(kube.said).toEqual([...OPENED, 'get statefulsets.apps', 'patch statefulsets.apps']);
  });

  it('on the target says nothing about a change that was seen after it was written', async () => {
    await run();
    const later = fakeEvent({ id: 'later', observedAtMs: Date.UTC(2026, 0, 1) + 1 });
    expect((await run({ event: later })).outcome).toBe('done');
    expect((await run({ event: later }, fakeContext({ rule: { uid: 'made again' } }))).outcome).toBe('done');
  });

  it('is one patch when two keys change together', async () => {
    const results = await Promise.all([
      run({ event: fakeEvent({ id: 'a', key: 'ConfigMap/shop/a' }), revision: 'both' }),
      run({ event: fakeEvent({ id: 'b', key: 'ConfigMap/shop/b' }), revision: 'both' }),
    ]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['done', 'unchanged']);
    expect(kube.said).toEqual([...OPENED, 'patch statefulsets.apps']);
  });

  it('rolls once only, even when the index lags behind and the same event is patched twice', async () => {
    const late = restarted(kube);
    const before = kube.objects.get(BUSYBOX) as KubeObject;
    late.watch = ({ project }) => {
      const { uid = '', resourceVersion = '' } = before.metadata;
      const value = project.of(before);
      return of(
        { type: 'present' as const, namespace: 'shop', name: 'busybox', uid, resourceVersion, value },
        { type: 'synced' as const },
      );
    };
    await run();
    await new RolloutAction(late).run(config, fakeDelivery(), fakeContext());
    expect([patchesIn(late), kube.objects.get(BUSYBOX)?.metadata.generation]).toEqual([1, 2]);
  });

  it('of another rule is no reason to leave the target alone', async () => {
    await run();
    const other = fakeContext({ rule: { name: 'other', uid: 'other' } });
    const later = fakeEvent({ id: 'later', observedAtMs: other.scheduler.now() + 1 });
    expect((await run({ event: later }, other)).outcome).toBe('done');
    expect(annotationsOf(kube)).toMatchObject({
      [REVISION]: 'combined-1',
      'trigger.app.example.com/shop.other': 'combined-1',
    });
  });
});

describe('patches of one target', () => {
  it('never overtake one another, and carry the revision of the moment they are sent', async () => {
    let combined = 'one';
    const live = (id: string) => ({
      ...fakeDelivery({ event: fakeEvent({ id }) }),
      get revision() {
        return combined;
      },
    });
    let letGo: (() => void) | undefined;
    kube.intercept = () =>
      new Promise((resolve) => {
        letGo = resolve;
      });
    const first = action.run(config, live('a'), fakeContext());
    const second = action.run(config, live('b'), fakeContext());
    await settle();
    expect(patchesIn(kube)).toBe(1);
    combined = 'two';
    kube.intercept = undefined;
    letGo?.();
    await Promise.all([first, second]);
    expect([patchesIn(kube), annotationsOf(kube)[REVISION]]).toEqual([2, 'two']);
  });

  it('go on after one that failed or was aborted while it waited', async () => {
    kube.forbid('patch', StatefulSet);
    const failing = run();
    const aborted = run({}, fakeContext({ signal: AbortSignal.abort(new Error('stopped')) }));
    await expect(failing).rejects.toThrow('may not patch');
    await expect(aborted).rejects.toThrow('stopped');
    kube.resumeWatches();
    expect((await run()).outcome).toBe('done');
  });

  it('do not hold up those of another target', async () => {
    putDeployment(kube, 'web');
    kube.intercept = ({ name }) => (name === 'busybox' ? new Promise(() => {}) : undefined);
    const controller = new AbortController();
    const stuck = run({}, fakeContext({ signal: controller.signal }));
    const web = configOf({ kind: 'Deployment', name: 'web' });
    expect((await action.run(web, fakeDelivery(), fakeContext())).outcome).toBe('done');
    controller.abort(new Error('stopped'));
    await expect(stuck).rejects.toThrow('stopped');
  });
});

describe('an answer that never came', () => {
  it('is no reason to trust what was patched before: a revert looks at the target and brings it back', async () => {
    await run({ revision: 'combined-1' });
    let lost = true;
    const patch = kube.patch.bind(kube);
    kube.patch = async (...args: Parameters<typeof patch>) => {
      const answer = await patch(...args);
      if (lost) throw new TriggerError('KT_KUBE_UNREACHABLE', 'reset');
      return answer as never;
    };
    await rejection(run(change(2)));
    lost = false;
    expect((await run({ ...change(3), revision: 'combined-1', redelivered: true })).outcome).toBe('done');
    expect(annotationsOf(kube)).toMatchObject({ [REVISION]: 'combined-1' });
  });

  it('of a target that was made again since leaves nothing to trust either', async () => {
    await run({ revision: 'combined-1' });
    kube.objects.remove(BUSYBOX);
    await rejection(run(change(2)));
    putBusybox(kube);
    expect((await run({ revision: 'combined-1' })).outcome).toBe('done');
  });

  it('makes the next delivery of any key read first: the patch may have arrived', async () => {
    const patch = kube.patch.bind(kube);
    kube.patch = async (ref, body, options) => {
      await patch(ref, body, options);
      throw new TriggerError('KT_KUBE_UNREACHABLE', 'reset after the patch was applied');
    };
    await expect(run({ revision: 'both' })).rejects.toThrow('reset');
    kube.patch = patch;
    const other = fakeEvent({ id: 'b', key: 'ConfigMap/shop/b' });
    expect((await run({ event: other, revision: 'both' })).outcome).toBe('unchanged');
    expect(kube.objects.get(BUSYBOX)?.metadata.generation).toBe(2);
  });
});

describe('a target that is being deleted', () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  it('is left alone', async () => {
    putBusybox(kube, { deletionTimestamp });
    expect(await run()).toEqual(unchanged('is being deleted'));
    expect(patchesIn(kube)).toBe(0);
  });

  it('is left alone when only a look at it tells', async () => {
    kube.intercept = ({ verb }) => {
      if (verb === 'get') putBusybox(kube, { deletionTimestamp });
    };
    expect(await run({ redelivered: true })).toEqual(unchanged('is being deleted'));
    expect(patchesIn(kube)).toBe(0);
  });

  it('counts as unchanged when the patch tells', async () => {
    kube.intercept = ({ verb }) => {
      if (verb === 'patch') putBusybox(kube, { deletionTimestamp });
    };
    expect(await run()).toEqual(unchanged('is being deleted'));
  });
});

const rejection = async (promise: Promise<unknown>) => {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!isTriggerError(error)) throw new Error(`no TriggerError: ${String(error)}`);
  return [error.code, error.retry, error.explanation];
};

const forbidden = (verb: string) => [
  'KT_ROLLOUT_FORBIDDEN',
  'backoff',
  `kube-trigger may not ${verb} StatefulSet shop/busybox (statefulsets.apps). Add to a Role in namespace shop, bound to ` +
    `kube-trigger's identity: {apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["get", "list", "watch", "patch"], resourceNames: ["busybox"]}`,
];

describe('errors', () => {
  const notFound = [
    'KT_ROLLOUT_TARGET_NOT_FOUND',
    'backoff',
    'StatefulSet shop/busybox does not exist. Create it, or correct updatePodTemplate.objectRef of the action',
  ];
  it('of a missing target name it and the field', async () => {
    kube.objects.remove(BUSYBOX);
    expect(await rejection(run())).toEqual(notFound);
    expect(await rejection(run({ redelivered: true }))).toEqual(notFound);
    expect(await rejection(action.check(config, fakeContext()))).toEqual(notFound);
  });

  it('of a target that goes away later ask for another look', async () => {
    const { until } = await action.check(config, fakeContext());
    const looks: unknown[] = [];
    until.subscribe((look) => looks.push(look));
    kube.objects.remove(BUSYBOX);
    await vi.waitFor(() => expect(looks).toHaveLength(1));
    expect(await rejection(action.check(config, fakeContext()))).toEqual(notFound);
  });

  it('of RBAC have the rule to add', async () => {
    kube.forbid('patch', StatefulSet);
    expect(await rejection(run())).toEqual(forbidden('patch'));
    expect(await rejection(action.check(config, fakeContext()))).toEqual(forbidden('patch'));
    kube.forbid('get', StatefulSet);
    expect(await rejection(run({ redelivered: true }))).toEqual(forbidden('get'));
    kube.forbid('watch', StatefulSet);
    expect(await rejection(run())).toEqual(forbidden('watch'));
    expect(await rejection(action.check(config, fakeContext()))).toEqual(forbidden('watch'));
    kube.resumeWatches();
    await expect(action.check(config, fakeContext())).resolves.toBeDefined();
  });

  it('of an admission plugin keep its words and do not blame RBAC alone', async () => {
    kube.intercept = ({ verb }) => {
      if (verb === 'patch')
        throw new TriggerError(
          'KT_KUBE_FORBIDDEN',
          'patch statefulsets.apps "busybox": 403 denied by policy: no edits on Friday',
        );
    };
    const [code, , explanation] = await rejection(run());
    expect(code).toBe('KT_ROLLOUT_FORBIDDEN');
    expect(explanation).toContain('denied by policy: no edits on Friday');
    expect(explanation).toContain('an admission policy of the cluster refused this change');
  });

  it('of any other kind pass as they are', async () => {
    const slowDown = new TriggerError('KT_KUBE_TOO_MANY_REQUESTS', 'slow down', { retry: { afterMs: 3000 } });
    kube.intercept = ({ verb }) => {
      if (verb === 'patch') throw slowDown;
    };
    const { code, message, retry } = slowDown;
    await expect(run()).rejects.toMatchObject({ code, message, retry });
  });
});

it.each(['KT_KUBE_NOT_FOUND', 'KT_KUBE_FORBIDDEN'])('passes its check where access reviews answer %s', async (code) => {
  kube.canI = () => Promise.reject(new TriggerError(code, 'create selfsubjectaccessreviews'));
  await expect(action.check(config, fakeContext())).resolves.toBeDefined();
});

it('does not pass its check where the access review fails otherwise', async () => {
  kube.canI = () => Promise.reject(new TriggerError('KT_KUBE_UNREACHABLE', 'reset'));
  await expect(action.check(config, fakeContext())).rejects.toThrow('reset');
});

it('checks by opening the index, so that a change then costs one patch', async () => {
  await action.check(config, fakeContext());
  expect(kube.said).toEqual(OPENED);
  await run();
  await run(change(2));
  expect(kube.said).toEqual([...OPENED, 'patch statefulsets.apps', 'patch statefulsets.apps']);
});

it('holds its watch until it is disposed of, and shares it with other rules', async () => {
  const other = new RolloutAction(kube);
  await Promise.all([action.check(config, fakeContext()), other.check(config, fakeContext())]);
  expect([kube.held, kube.said]).toEqual([1, OPENED]);
  action.dispose();
  action.dispose();
  expect(kube.held).toBe(1);
  other.dispose();
  expect(kube.held).toBe(0);
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
