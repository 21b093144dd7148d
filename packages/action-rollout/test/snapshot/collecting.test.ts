import { isTriggerError } from '@kube-trigger/core';
import { type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { mentionsOf } from '../../src/snapshot/users.js';
import { restarted } from '../world.js';
import { CONFIG, keyNamed, SnapshotWorld, VOLUME } from './world.js';

const { ConfigMap, Secret, Deployment, ReplicaSet, ControllerRevision, Job, Pod } = WELL_KNOWN;
const ONE = { ...CONFIG, configSnapshot: { history: 1 } };

let world: SnapshotWorld;
beforeEach(() => {
  world = new SnapshotWorld();
  world.deploy();
});

const versions = async (first: number, last: number) => {
  for (let n = first; n <= last; n += 1) await world.change({ 'app.conf': `v${n}` }, ONE);
};

describe('snapshots beyond the history', () => {
  it('are deleted when nothing names them', async () => {
    await world.change({ 'app.conf': 'v2' });
    await world.change({ 'app.conf': 'v3' });
    await world.change({ 'app.conf': 'v4' });
    expect(world.snapshots()).toHaveLength(2);
    expect(world.snapshots()).toContain(world.reads);
  });

  it.each([
    ['a ReplicaSet', ReplicaSet, (name: string) => ({ spec: { template: { spec: podOf(name) } } })],
    [
      'a ControllerRevision',
      ControllerRevision,
      (name: string) => ({ data: { spec: { template: { spec: podOf(name) } } } }),
    ],
    [
      'a Job',
      Job,
      (name: string) => ({ spec: { template: { spec: { containers: [{ envFrom: [{ configMapRef: { name } }] }] } } } }),
    ],
    ['a Pod', Pod, (name: string) => ({ spec: { volumes: [{ projected: { sources: [{ configMap: { name } }] } }] } })],
    ['a workload that no rule is about', Deployment, (name: string) => ({ spec: { template: { spec: podOf(name) } } })],
  ])('are kept while %s names them', async (_, resource, bodyOf) => {
    await world.change({ 'app.conf': 'v2' }, ONE);
    const two = world.reads;
    world.kube.objects.put(resource, { metadata: { namespace: 'shop', name: 'old' }, ...bodyOf(two) });
    await versions(3, 4);
    expect(world.snapshots()).toEqual([two, world.reads].toSorted());
    world.kube.objects.remove({ resource, namespace: 'shop', name: 'old' });
    await versions(5, 5);
    expect(world.snapshots()).toEqual([world.reads]);
  });

  it('are told by when they were last pointed to, not by when they were made', async () => {
    await versions(2, 3);
    await world.change({ 'app.conf': 'v2' });
    const two = world.reads;
    await world.change({ 'app.conf': 'v4' });
    expect(world.snapshots()).toEqual([two, world.reads].toSorted());
  });

  it('are all deleted when the object is gone and nothing names them', async () => {
    await world.change({ 'app.conf': 'v2' });
    world.kube.objects.remove({ resource: ConfigMap, namespace: 'shop', name: 'app-config' });
    world.kube.objects.remove({ resource: Deployment, namespace: 'shop', name: 'web' });
    await world.run({ event: { change: 'deleted', revision: '' } });
    expect(world.snapshots()).toEqual([]);
  });

  it('that a killed process has left are found by the next one, before any change', async () => {
    await world.change({ 'app.conf': 'v2' });
    await world.change({ 'app.conf': 'v3' });
    const next = new SnapshotWorld(restarted(world.kube));
    await next.action.check(ONE, next.context);
    await next.context.scheduler.settle();
    expect(next.snapshots()).toEqual([next.reads]);
  });

  it('of a Secret made with a key that is no more are deleted too', async () => {
    world.putSecret('db', { password: 'YQ==' });
    const read = () => world.run({ event: { key: 'Secret/shop/db' } }, ONE);
    world.deploy({ containers: [{ name: 'web', envFrom: [{ secretRef: { name: 'db' } }] }] });
    await read();
    world.key = keyNamed('second');
    await read();
    expect(world.snapshots(Secret)).toHaveLength(1);
  });
});

describe('never deleted', () => {
  const marked = (name: string, more: object = {}) =>
    world.put(name, { 'app.conf': 'v2' }, { immutable: true, ...more });

  it('is what is not ours, down to the last mark', async () => {
    await world.change({ 'app.conf': 'v2' }, ONE);
    const two = world.reads;
    const { metadata } = world.get({ resource: ConfigMap, name: two }) ?? {};
    await versions(3, 3);
    expect(world.snapshots()).toEqual([world.reads]);
    const { labels = {}, annotations } = metadata ?? {};
    const put = (name: string, meta: object, more: object = {}) => {
      world.kube.objects.remove({ resource: ConfigMap, namespace: 'shop', name });
      marked(name, { metadata: { namespace: 'shop', name, labels, annotations, ...meta }, ...more });
    };
    put('app-config-0123456789', {});
    put(`other${two.slice('app-config'.length)}`, {});
    put(two, { labels: { ...labels, 'app.kubernetes.io/managed-by': 'helm' } });
    await versions(4, 4);
    put(two, {}, { immutable: false });
    await versions(5, 5);
    put(two, {}, { data: { 'app.conf': 'edited' } });
    await versions(6, 6);
    put(two, { annotations: {} });
    await versions(7, 7);
    expect(world.snapshots()).toEqual(
      ['app-config-0123456789', `other${two.slice('app-config'.length)}`, two, world.reads].toSorted(),
    );
  });

  it('is one that another process has pointed to since it was listed', async () => {
    await world.change({ 'app.conf': 'v2' });
    const two = world.reads;
    await world.change({ 'app.conf': 'v3' });
    // As another process does before it points to it: what follows is not seen by this one's look.
    world.kube.intercept = ({ verb, resource }) => {
      if (verb !== 'list' || resource.kind !== 'Pod') return;
      const snapshot = world.get({ resource: ConfigMap, name: two });
      if (snapshot === undefined) return;
      const annotations = {
        ...snapshot.metadata.annotations,
        'trigger.app.example.com/pointed-at': '2027-01-01T00:00:00Z',
      };
      world.kube.objects.put(ConfigMap, { ...snapshot, metadata: { ...snapshot.metadata, annotations } });
    };
    await world.change({ 'app.conf': 'v4' }, ONE);
    expect(world.snapshots()).toContain(two);
  });

  it('is anything at all when not everything could be seen', async () => {
    await versions(2, 2);
    world.kube.forbid('list', Pod);
    await versions(3, 4);
    expect(world.snapshots()).toHaveLength(3);
    expect(world.context.logger.lines.map(({ level, message }) => [level, message])).toContainEqual([
      'warn',
      'unused snapshots could not be looked for',
    ]);
  });
});

/** What people, controllers and kube-trigger do, in any order. */
type Step =
  | { readonly do: 'change'; readonly to: number }
  | {
      readonly do: 'roll' | 'undo' | 'forget' | 'pod' | 'unpod' | 'set back' | 'restart' | 'name by hand' | 'delete';
      readonly at: number;
    };

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), to: fc.nat(5) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'roll',
          'undo',
          'forget',
          'pod',
          'unpod',
          'set back',
          'restart',
          'name by hand',
          'delete' as const,
        ),
        at: fc.nat(7),
      }),
    },
  ),
  { minLength: 5, maxLength: 30 },
) as fc.Arbitrary<Step[]>;

describe('any history', () => {
  it('of changes, rollouts, undos and restarts leaves everything that something names', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const model = new Model();
        for (const step of history) {
          await model.take(step);
          expect(model.dangling()).toEqual([]);
        }
        await model.take({ do: 'change', to: 6 });
        expect([model.dangling(), model.unused().length <= 1]).toEqual([[], true]);
      }),
      { numRuns: 40 },
    );
  });
});

/** A Deployment with its ReplicaSets and Pods, as controllers would keep them. */
class Model {
  world = new SnapshotWorld();
  #made = 0;

  constructor() {
    this.world.deploy();
    this.#roll();
  }

  async take(step: Step): Promise<void> {
    const { kube } = this.world;
    switch (step.do) {
      case 'change':
        this.world.put('app-config', { 'app.conf': `v${step.to}` });
        // Setting back again and again is refused after a while: that is an answer like others here.
        await this.world.run({}, ONE).catch((thrown: unknown) => {
          if (!isTriggerError(thrown) || thrown.code !== 'KT_ROLLOUT_CONTESTED') throw thrown;
        });
        return this.#roll();
      case 'roll':
        return this.#roll();
      case 'undo': {
        const set = this.#pick(ReplicaSet, step.at);
        if (set !== undefined) this.#deploy(set);
        return this.#roll();
      }
      case 'pod': {
        const set = this.#pick(ReplicaSet, step.at);
        const pod = (set as Templated | undefined)?.spec.template;
        if (pod !== undefined) this.#put(Pod, { ...pod, metadata: {} });
        return;
      }
      case 'forget':
      case 'unpod': {
        const resource = step.do === 'forget' ? ReplicaSet : Pod;
        const object = this.#pick(resource, step.at);
        if (object !== undefined)
          kube.objects.remove({ resource, namespace: 'shop', name: object.metadata.name ?? '' });
        return;
      }
      case 'set back':
        this.world.deploy(VOLUME, { annotations: this.world.template().annotations });
        return this.#roll();
      case 'restart':
        this.world = Object.assign(new SnapshotWorld(restarted(kube)), { context: this.world.context });
        return;
      case 'name by hand': {
        const names = this.world.snapshots();
        const name = names[step.at % Math.max(1, names.length)];
        if (name !== undefined) this.#put(Pod, { spec: { containers: [{ envFrom: [{ configMapRef: { name } }] }] } });
        return;
      }
      case 'delete':
        if (step.at === 0) kube.objects.remove({ resource: Deployment, namespace: 'shop', name: 'web' });
        else if (this.world.generation() === undefined) this.world.deploy();
        return;
    }
  }

  /** Names of snapshots that something has and that are not there. */
  dangling(): string[] {
    const named = JSON.stringify(this.#users()).match(/(?<=")app-config-[0-9a-z]{10}(?=")/g) ?? [];
    const there = this.world.snapshots();
    return named.filter((name) => !there.includes(name));
  }

  /** Snapshots that nothing names. */
  unused(): string[] {
    const named = mentionsOf(this.#users(), new Set(this.world.snapshots()));
    return this.world.snapshots().filter((name) => !named.has(name));
  }

  #users(): KubeObject[] {
    return [Deployment, ReplicaSet, Pod].flatMap((resource) => this.world.kube.objects.all(resource));
  }

  #roll(): void {
    const { spec } = (this.world.get({ resource: Deployment, name: 'web' }) as Templated | undefined) ?? {};
    if (spec !== undefined) this.#put(ReplicaSet, { spec: { template: spec.template } });
  }

  #deploy(set: KubeObject): void {
    const { template } = (set as Templated).spec;
    this.world.deploy(template.spec, { annotations: template.metadata.annotations });
  }

  #put(resource: typeof Pod, body: object): void {
    this.#made += 1;
    this.world.kube.objects.put(resource, {
      ...body,
      metadata: { namespace: 'shop', name: `made-${this.#made}` },
    });
  }

  #pick(resource: typeof Pod, at: number): KubeObject | undefined {
    const all = this.world.kube.objects.all(resource);
    return all[at % Math.max(1, all.length)];
  }
}

interface Templated extends KubeObject {
  readonly spec: {
    readonly template: { readonly metadata: { readonly annotations?: Record<string, string> }; readonly spec: object };
  };
}

function podOf(name: string): object {
  return { volumes: [{ name: 'config', configMap: { name } }] };
}
