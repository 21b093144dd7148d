import { createHash } from 'node:crypto';
import { isTriggerError, TriggerError, type TriggerEvent } from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';
import { execResult, fakeContext, fakeDelivery, fakeEvent, RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { MountWatch, type MountAnswer, type MountOption } from '../../src/index.js';
import type { Pod, Volume } from '../../src/pods/ready-pods.js';
import { WELL_KNOWN } from '../../src/well-known.js';

/** A ConfigMap, pods that mount it, and what the kubelets have written into them so far. */
class World {
  readonly kube = new RecordingKubeClient();
  readonly clock = new VirtualClock();
  readonly files = new Map<string, Record<string, string>>();
  readonly pods: Pod[] = [];
  readonly #watch = new MountWatch(this.kube);
  readonly #since = this.clock.now();

  constructor() {
    this.kube.onExec = ({ pod, command: [program, ...paths] }) => {
      if (program !== 'sha256sum') throw new Error(`${program} is not asked for`);
      const files = this.files.get(pod) ?? {};
      const lines = paths.flatMap((path) => {
        const content = files[path];
        return content === undefined ? [] : [`${createHash('sha256').update(content).digest('hex')}  ${path}\n`];
      });
      return execResult({ exitCode: lines.length === paths.length ? 0 : 1, stdout: lines.join('') });
    };
  }

  object(data: Record<string, string>, kind: 'ConfigMap' | 'Secret' = 'ConfigMap', binaryData?: object): void {
    this.kube.objects.put(WELL_KNOWN[kind], {
      metadata: { namespace: 'shop', name: 'app' },
      data,
      binaryData,
    } as never);
  }

  pod(
    name: string,
    files: Record<string, string>,
    volume: Omit<Volume, 'name'> = { configMap: { name: 'app' } },
  ): void {
    const pod: Pod = {
      metadata: { namespace: 'shop', name, uid: `uid-${name}` },
      spec: {
        volumes: [{ name: 'app', ...volume }],
        containers: [
          { name: 'web', volumeMounts: [{ name: 'app', mountPath: '/etc/app' }] },
          { name: 'helper', volumeMounts: [{ name: 'app', mountPath: '/mnt' }] },
        ],
      },
    };
    this.pods.push(pod);
    this.kube.objects.put(WELL_KNOWN.Pod, pod);
    this.files.set(name, files);
  }

  ask(option: MountOption | undefined = {}, event: Partial<TriggerEvent> = {}): Promise<MountAnswer> {
    const about = fakeEvent({ key: 'ConfigMap/shop/app', changedKeys: ['a'], observedAtMs: this.#since, ...event });
    const delivery = fakeDelivery({ event: about, id: about.id });
    return this.#watch.ask(option, { pods: this.pods, delivery, context: fakeContext({ scheduler: this.clock }) });
  }

  /** What it waits for; else the codes by pod; `go` where all see it. */
  async says(...asked: Parameters<World['ask']>): Promise<unknown> {
    const answer = await this.ask(...asked);
    if ('waiting' in answer) return answer.waiting.because;
    const codes = [...answer.blind].map(([pod, { code, retry }]) => [pod.metadata.name, code, retry]);
    return codes.length === 0 ? 'go' : codes;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
  world.object({ a: 'two', b: 'same' });
});

describe('waiting for a mount', () => {
  it('ends when every pod has the content of now, and looks at those only that had not', async () => {
    world.pod('web-0', { '/etc/app/a': 'two', '/etc/app/b': 'same' });
    world.pod('web-1', { '/etc/app/a': 'one', '/etc/app/b': 'same' });
    expect(await world.says()).toBe('Pod/shop/web-1 does not see ConfigMap/shop/app as it is now');
    world.files.set('web-1', { '/etc/app/a': 'two', '/etc/app/b': 'same' });
    expect(await world.says()).toBe('go');
    expect(world.kube.commands.map(({ pod }) => pod)).toEqual(['web-0', 'web-1', 'web-1']);
  });

  it('is for what is there now, not for what the event was about', async () => {
    world.object({ a: 'three', b: 'same' });
    world.pod('web-0', { '/etc/app/a': 'two', '/etc/app/b': 'same' });
    expect(await world.says()).toContain('does not see');
  });

  it('looks for a key that was removed until its file is gone', async () => {
    world.object({ b: 'same' });
    world.pod('web-0', { '/etc/app/a': 'one', '/etc/app/b': 'same' });
    expect(await world.says()).toContain('does not see');
    world.files.set('web-0', { '/etc/app/b': 'same' });
    expect(await world.says({}, { id: 'event-2' })).toBe('go');
  });

  it('goes by the keys of the object where the source has other parts, or none', async () => {
    world.pod('web-0', { '/etc/app/a': 'one', '/etc/app/b': 'same' });
    expect(await world.says({}, { changedKeys: ['data'] })).toContain('does not see');
    expect(await world.says({}, { changedKeys: [] })).toContain('does not see');
  });

  it('compares bytes, of Secrets and of binary data too', async () => {
    world.object({ a: Buffer.from('two').toString('base64') }, 'Secret');
    world.pod('web-0', { '/etc/app/a': 'two' }, { secret: { secretName: 'app' } });
    expect(await world.says({}, { key: 'Secret/shop/app' })).toBe('go');
    world = new World();
    world.object({}, 'ConfigMap', { a: Buffer.from([0xff, 0xfe]).toString('base64') });
    world.pod('web-0', { '/etc/app/a': 'other' });
    expect(await world.says()).toContain('does not see');
  });

  it('asks for many files with several commands, and no word of them is a value', async () => {
    const keys = Array.from({ length: 120 }, (_, index) => `key-${index}`);
    world.object(Object.fromEntries(keys.map((key) => [key, `hunter2 ${key}`])));
    world.pod('web-0', Object.fromEntries(keys.map((key) => [`/etc/app/${key}`, `hunter2 ${key}`])));
    expect(await world.says({}, { changedKeys: ['key-7'] })).toBe('go');
    expect(world.kube.commands.map(({ command }) => command.length)).toEqual([51, 51, 21]);
    expect(JSON.stringify(world.kube.commands)).not.toContain('hunter2');
  });

  it.each<[string, Partial<TriggerEvent>]>([
    ['is about a timer', { key: 'Timer/shop/example/nightly', change: 'occurred' }],
    ['is about another kind', { key: 'Theme/shop/app' }],
    ['says that the object was deleted', { change: 'deleted' }],
    ['is about what was deleted meanwhile', { key: 'ConfigMap/shop/gone' }],
  ])('is not for an event that %s', async (_, event) => {
    world.pod('web-0', {});
    expect(await world.says({}, event)).toBe('go');
    expect(world.kube.commands).toEqual([]);
  });

  it('asks nobody in a pod whose items leave the changed keys out', async () => {
    world.pod('web-0', {}, { configMap: { name: 'app', items: [] } });
    expect(await world.says()).toBe('go');
    expect(world.kube.commands).toEqual([]);
  });
});

describe('how often and how long', () => {
  it('less and less often, and less so the more pods there are', async () => {
    const waits = async () => {
      const answer = await world.ask();
      return 'waiting' in answer ? answer.waiting.againAfterMs : undefined;
    };
    world.pod('web-0', {});
    expect(await waits()).toBe(2000);
    await world.clock.advance(60_000);
    expect(await waits()).toBe(6000);
    await world.clock.advance(100_000);
    expect(await waits()).toBe(10_000);
    for (let index = 1; index < 300; index += 1) world.pod(`web-${index}`, {});
    expect(await waits()).toBe(30_000);
  });

  it('five minutes; then the others are acted on', async () => {
    world.pod('web-0', { '/etc/app/a': 'two', '/etc/app/b': 'same' });
    world.pod('web-1', {});
    await world.clock.advance(299_999);
    expect(await world.says()).toContain('web-1 does not see');
    await world.clock.advance(1);
    expect(await world.says()).toEqual([['web-1', 'KT_KUBE_MOUNT_STALE', 'backoff']]);
  });

  it('so long after the change as the rule says, without a look', async () => {
    world.pod('web-0', {});
    const option = { afterSeconds: 90 };
    expect(await world.says(option)).toBe('90 s have to go by until ConfigMap/shop/app is mounted');
    await world.clock.advance(60_000);
    expect(await world.ask(option)).toMatchObject({ waiting: { againAfterMs: 30_000 } });
    await world.clock.advance(30_000);
    expect(await world.says(option)).toBe('go');
    expect(world.kube.requests).toEqual([]);
  });
});

describe('what cannot be seen', () => {
  it.each([true, false])('is an object of another namespace, which is not asked for (exists: %s)', async (exists) => {
    world.pod('web-0', { '/etc/app/a': 'one' });
    if (exists) world.kube.objects.put(WELL_KNOWN.Secret, { metadata: { namespace: 'other', name: 'db' } });
    expect(await world.says({}, { key: 'Secret/other/db' })).toEqual([['web-0', 'KT_KUBE_MOUNT_NEVER', 'never']]);
    expect(world.kube.requests).toEqual([]);
  });

  it('is an error of that pod', async () => {
    world.pod('web-0', { '/etc/app/a': 'two', '/etc/app/b': 'same' });
    world.pod('db-0', {}, { configMap: { name: 'other' } });
    expect(await world.says()).toEqual([['db-0', 'KT_KUBE_MOUNT_NEVER', 'never']]);
  });

  it.each([126, 127, 'KT_KUBE_EXEC_COMMAND'])(
    'for lack of sha256sum (%s) is looked at in the next container',
    async (how) => {
      const { onExec } = world.kube;
      const broken = new Set(['web']);
      world.kube.onExec = (request) => {
        if (!broken.has(request.container ?? '')) return onExec(request);
        if (typeof how === 'number') return execResult({ exitCode: how });
        throw new TriggerError(how, 'executable file not found', { retry: 'never' });
      };
      world.pod('web-0', { '/mnt/a': 'two', '/mnt/b': 'same' });
      expect(await world.says()).toBe('go');
      broken.add('helper');
      const answer = await world.ask({}, { id: 'event-2' });
      const [error] = 'blind' in answer ? answer.blind.values() : [];
      expect(error).toMatchObject({ code: 'KT_KUBE_MOUNT_UNREADABLE', retry: 'never' });
      expect(error?.explanation).toContain('afterSeconds');
    },
  );

  it.each(['KT_KUBE_INVALID', 'KT_KUBE_NOT_FOUND', 'KT_KUBE_EXEC_FAILED', 'KT_KUBE_EXEC_LOST'])(
    'just now (%s) is looked at again',
    async (code) => {
      world.kube.onExec = () => {
        throw new TriggerError(code, 'not now', { retry: 'never' });
      };
      world.pod('web-0', {});
      expect(await world.says()).toContain('does not see');
    },
  );

  it('for lack of rights is said with what to grant', async () => {
    world.pod('web-0', {});
    world.kube.forbid('create', WELL_KNOWN.Pod, 'exec');
    const error: unknown = await world.ask().catch((thrown: unknown) => thrown);
    expect(isTriggerError(error) && error.code).toBe('KT_KUBE_FORBIDDEN');
  });
});
