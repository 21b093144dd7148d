import { TriggerError } from '@kube-trigger/core';
import { type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import { fakeEvent } from '@kube-trigger/testing/contracts';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { mergeDiff } from '../../src/pacing/history.js';
import { patchesIn } from '../world.js';
import { Fleet, REVISION, UNDONE } from './fleet.js';

const UNDO = { waves: [{ count: 2 }], onFailure: 'undo' as const };

let fleet: Fleet;
beforeEach(() => {
  fleet = new Fleet();
  for (const name of ['a', 'b', 'c']) {
    fleet.put(name);
    keep(name, 1);
  }
});

/** As the Deployment controller does: a ReplicaSet for the present template. */
function keep(name: string, number: number, availableReplicas = 3): void {
  const { metadata, spec } = fleet.get(name);
  const { template } = spec as { template: { metadata?: { labels?: object; annotations?: object } } };
  const labels = { app: name, 'pod-template-hash': String(number) };
  fleet.kube.objects.put(WELL_KNOWN.ReplicaSet, {
    metadata: {
      namespace: 'shop',
      name: `${name}-${number}`,
      labels,
      annotations: { 'deployment.kubernetes.io/revision': String(number) },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid: metadata.uid ?? '', controller: true }],
    },
    spec: { template: { ...template, metadata: { ...template.metadata, labels } } },
    status: { availableReplicas },
  } as KubeObject);
}

const revisionsOf = (...names: string[]) => names.map((name) => fleet.revisionOf(name));
const markOf = (name: string) => fleet.get(name).metadata.annotations?.[UNDONE];
const next = (n: number) => ({
  revision: `combined-${n}`,
  id: `event-${n}`,
  event: fakeEvent({ id: `event-${n}`, observedAtMs: fleet.clock.now() }),
  redelivered: false,
});

/** A change of which `b` does not come up. */
async function fail(delivery: object = {}, number = 2) {
  await fleet.run(UNDO, delivery);
  keep('a', number);
  keep('b', number, 0);
  fleet.complete('a');
  fleet.stuck('b');
  return fleet.run(UNDO, { ...delivery, redelivered: true });
}

describe('onFailure: undo', () => {
  it('rolls back what is not complete, leaves alone what is, and says both', async () => {
    expect(await fail()).toEqual({
      outcome: 'failed',
      because:
        'KT_ROLLOUT_WAVE_FAILED never: wave 1 of 2: 1 of 2 done; Deployment/shop/b failed: ProgressDeadlineExceeded; rolled back: Deployment/shop/b; 1 left alone',
      fix: `Mend the configuration or the workload: the next change starts again at the first wave. To try this one again remove the annotation ${UNDONE} from what was rolled back, then kube-trigger retry`,
    });
    expect(revisionsOf('a', 'b', 'c')).toEqual(['combined-1', undefined, undefined]);
    expect(fleet.get('b').spec.template).toEqual({ metadata: { labels: { app: 'b' } }, spec: {} });
    expect(markOf('b')).toBe('combined-1');
  });

  it('does not roll again what it rolled back: in this process, and after a kill', async () => {
    await fail();
    fleet.complete('b');
    const patches = patchesIn(fleet.kube);
    for (const kill of [false, true]) {
      if (kill) fleet.restart();
      expect((await fleet.run(UNDO)).because).toBe(
        'KT_ROLLOUT_WAVE_FAILED never: wave 1 of 2: 1 of 2 done; rolled back: Deployment/shop/b; 1 left alone',
      );
    }
    expect(patchesIn(fleet.kube)).toBe(patches);
  });

  it('tries a revision again when a person took the mark away', async () => {
    await fail();
    fleet.complete('b');
    fleet.annotate('b', {});
    expect((await fleet.run(UNDO)).outcome).toBe('waiting');
    expect(fleet.revisionOf('b')).toBe('combined-1');
  });

  it('forgets a failed revision with the next one, so that it may be tried later', async () => {
    await fail();
    fleet.complete('b');
    await fleet.run(UNDO, next(2));
    expect([revisionsOf('a', 'b'), markOf('b')]).toEqual([['combined-2', 'combined-2'], undefined]);
    keep('b', 4);
    fleet.complete('a', 'b');
    await fleet.clock.advance(60_000);
    await fleet.run(UNDO, { ...next(3), revision: 'combined-1' });
    expect(revisionsOf('a', 'b')).toEqual(['combined-1', 'combined-1']);
  });

  it('goes back to what pods are at work of, not to another change that never came up', async () => {
    await fleet.run(UNDO);
    keep('a', 2);
    keep('b', 2, 0);
    fleet.complete('a');
    fleet.rolling('b');
    await fail(next(2), 3);
    expect(revisionsOf('a', 'b')).toEqual(['combined-2', undefined]);
  });

  it('takes no offence at being undone when it is often: that is no removal by others', async () => {
    for (let n = 1; n <= 5; n += 1) {
      expect((await fail(next(n), n + 1)).because).toContain('rolled back: Deployment/shop/b');
      fleet.complete('b');
      await fleet.clock.advance(60_000);
    }
  });

  it('leaves alone what somebody else has changed since, and what has no earlier template', async () => {
    await fleet.run(UNDO);
    await fleet.clock.advance(5000);
    const time = new Date(fleet.clock.now()).toISOString();
    const { metadata, spec } = fleet.get('a');
    const managedFields = [
      ...(metadata.managedFields ?? []),
      { manager: 'helm', time, fieldsV1: { 'f:spec': { 'f:template': {} } } },
    ];
    const template = { ...spec.template, spec: { hostname: 'new' } };
    fleet.kube.objects.put(fleet.ref('a').resource, {
      metadata: { ...metadata, managedFields },
      spec: { ...spec, template },
    } as never);
    for (const name of ['a', 'b']) fleet.stuck(name);
    fleet.kube.objects.remove({ resource: WELL_KNOWN.ReplicaSet, namespace: 'shop', name: 'b-1' });
    expect((await fleet.run(UNDO)).because).toContain(
      'not rolled back: Deployment/shop/a (helm has changed it since), Deployment/shop/b (its controller has kept no earlier template)',
    );
    expect(revisionsOf('a', 'b')).toEqual(['combined-1', 'combined-1']);
  });

  it('rolls back although somebody else has scaled it since', async () => {
    await fleet.run(UNDO);
    await fleet.clock.advance(5000);
    const time = new Date(fleet.clock.now()).toISOString();
    const { metadata, spec } = fleet.get('a');
    const fieldsV1 = { 'f:spec': { 'f:replicas': {}, 'f:template': {} } };
    const managedFields = [...(metadata.managedFields ?? []), { manager: 'helm', time, fieldsV1 }];
    fleet.kube.objects.put(fleet.ref('a').resource, {
      metadata: { ...metadata, managedFields },
      spec: { ...spec, replicas: 4 },
    } as never);
    fleet.stuck('a');
    expect((await fleet.run(UNDO)).because).toContain('rolled back: Deployment/shop/a');
    expect((fleet.get('a').spec as { replicas?: number }).replicas).toBe(4);
  });

  it('goes on after a kill or an error in the middle', async () => {
    await fleet.run(UNDO);
    for (const name of ['a', 'b']) fleet.stuck(name);
    fleet.kube.intercept = ({ verb, name }) => {
      if (verb === 'patch' && name === 'b') throw new TriggerError('KT_KUBE_SERVER_ERROR', 'b is on fire');
    };
    expect((await fleet.run(UNDO)).because).toBe('KT_KUBE_SERVER_ERROR backoff: b is on fire');
    expect([markOf('a'), markOf('b')]).toEqual(['combined-1', undefined]);
    fleet.kube.intercept = undefined;
    fleet.restart();
    expect((await fleet.run(UNDO)).because).toContain('rolled back: Deployment/shop/a, Deployment/shop/b');
    expect([markOf('a'), markOf('b')]).toEqual(['combined-1', 'combined-1']);
  });

  it('reads again when another write came in between', async () => {
    let raced = 0;
    fleet.kube.intercept = ({ verb, body }) => {
      const { resourceVersion } = (body as KubeObject | undefined)?.metadata ?? {};
      if (verb !== 'patch' || resourceVersion === undefined) return;
      expect(resourceVersion).toBe(fleet.get('b').metadata.resourceVersion);
      raced += 1;
      if (raced < 3) throw new TriggerError('KT_KUBE_CONFLICT', '409');
    };
    expect((await fail()).because).toContain('rolled back: Deployment/shop/b');
    expect(raced).toBe(3);
  });

  it('works with restartedAt, whose revision is on the workload itself', async () => {
    const more = { strategy: 'restartedAt' } as const;
    await fleet.run(UNDO, {}, more);
    keep('a', 2);
    keep('b', 2, 0);
    fleet.complete('a');
    fleet.stuck('b');
    expect((await fleet.run(UNDO, {}, more)).because).toContain('rolled back: Deployment/shop/b');
    expect(fleet.get('b').spec.template.metadata?.annotations).toBeUndefined();
    expect(fleet.get('b').metadata.annotations).toEqual({
      [UNDONE]: 'combined-1',
      'trigger.app.example.com/cause': expect.stringContaining('ConfigMap shop/app-config') as string,
    });
    expect(fleet.get('a').metadata.annotations?.[REVISION]).toBe('combined-1');
  });
});

it('makes a merge patch out of any two templates', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.integer(),
      fc.array(fc.string(), { maxLength: 2 }),
      tie('object'),
    ),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any')),
  })).object;
  fc.assert(
    fc.property(value, value, (now, before) => {
      expect(merged(now, mergeDiff(now, before))).toEqual(before);
    }),
  );
});

/** RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isMap = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isMap ? { ...target } : {};
  for (const [key, inner] of Object.entries(patch)) {
    if (inner === null) delete result[key];
    else result[key] = merged(result[key], inner);
  }
  return result;
}
