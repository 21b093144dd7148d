import { type Journal, type RuleIdentity, TriggerError } from '@kube-trigger/core';
import type { KubeClient } from '@kube-trigger/kube';
import { describeOnClusters } from '@kube-trigger/testing';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ClusterCheckpointStore } from '../../src/checkpoint/cluster-checkpoint-store.js';
import { TRIGGER_RULE } from '../../src/api/resources.js';
import { seedRule, Stage } from '../support/stage.js';

describeOnClusters('checkpoints in the cluster', (start) => {
  let stage: Stage;
  let kube: KubeClient;
  let numbered = 0;
  beforeAll(async () => {
    stage = await Stage.open(start);
    kube = stage.client();
  });
  afterAll(async () => {
    await kube.close();
    await stage[Symbol.asyncDispose]();
  });

  /** A rule that exists (a checkpoint without its owner is garbage) and that no operator runs. */
  const newRule = async (): Promise<RuleIdentity> => {
    numbered += 1;
    const name = `rule-${numbered}`;
    await stage.rule(name, seedRule({ kind: 'Deployment', name: 'web' }, { name: 'cm' }));
    const rule = await kube.get({ resource: TRIGGER_RULE, namespace: stage.namespace, name });
    return { namespace: stage.namespace, name, uid: rule.metadata.uid ?? '' };
  };
  const storeOf = (writer: string, client = kube) =>
    new ClusterCheckpointStore({ kube: client, scheduler: asyncScheduler, random: () => 0, writer });
  const open = async (rule: RuleIdentity, writer = 'a', client = kube): Promise<Journal> => {
    const journal = await storeOf(writer, client).open(rule);
    onTestFinished(() => journal.close().catch(() => undefined));
    return journal;
  };
  const objectsOf = async (rule: RuleIdentity) =>
    (await stage.checkpoints()).filter((object) => object.metadata.name.startsWith(`${rule.name}-`));
  const pathOf = ({ metadata }: { metadata: { name: string } }) =>
    `/apis/app.example.com/v1alpha1/namespaces/${stage.namespace}/triggercheckpoints/${metadata.name}`;
  const remove = async (rule: RuleIdentity, index: number) => {
    const object = (await objectsOf(rule))[index];
    if (object === undefined) throw new Error(`no object ${index}`);
    await stage.must('DELETE', pathOf(object));
  };
  const putKeys = async (journal: Journal, from: number, to: number) => {
    const records = Array.from({ length: to - from }, (_, i) => `s/key-${from + i}`);
    for (const record of records) journal.put(record, '1');
    await journal.durable(records);
  };
  const putBaseline = async (journal: Journal) => {
    journal.put('s', '1');
    await journal.durable('s');
  };
  /** Notes the writes, and fails those that it is told to. */
  const watched = () => {
    const writes: string[] = [];
    const fail = new Set<string>();
    const client: KubeClient = new Proxy(kube, {
      get(target, name: keyof KubeClient) {
        const method = target[name].bind(target) as (...args: unknown[]) => unknown;
        if (name !== 'patch' && name !== 'create') return method;
        return (...args: unknown[]) => {
          const object = name === 'create' ? (args[2] as { metadata: { name: string } }).metadata : args[0];
          const write = `${name} ${(object as { name: string }).name.at(-1)}`;
          writes.push(write);
          if (fail.delete(write)) return Promise.reject(new TriggerError('KT_KUBE_UNREACHABLE', 'no answer'));
          return method(...args);
        };
      },
    });
    return { writes, fail, client };
  };

  it('finds after a restart what was stored before it', async () => {
    const rule = await newRule();
    const before = await open(rule);
    before.put('s/a', '1');
    before.put('s/b', '2');
    await before.durable('s/b');
    before.put('s/a', null);
    before.put('s/c', 'slash / and "quotes"');
    await before.close();
    const after = await open(rule);
    expect(Object.fromEntries(after.stored)).toEqual({ 's/b': '2', 's/c': 'slash / and "quotes"' });
  });

  it('spreads many keys over several objects, and keeps each where it is', async () => {
    const rule = await newRule();
    const journal = await open(rule);
    for (let i = 0; i < 2500; i += 1) journal.put(`s/key-${i}`, `revision-${i}`);
    await journal.close();
    const objects = await objectsOf(rule);
    expect(objects.map((object) => Object.keys(object.records ?? {}).length)).toEqual(
      Array.from({ length: 10 }, () => 250),
    );
    const again = await open(rule);
    expect(again.stored.size).toBe(2500);
    again.put('s/key-1700', 'changed');
    again.put('s/new', 'placed where there is room');
    await again.close();
    const then = await objectsOf(rule);
    expect(then).toHaveLength(11);
    const holding = (record: string) => then.find(({ records }) => records?.[record] !== undefined);
    expect(holding('s/key-1700')?.records?.['s/key-1700']).toBe('changed');
    expect(holding('s/key-1700')?.records).toHaveProperty('s/key-1701');
    expect(Object.keys(holding('s/new')?.records ?? {})).toEqual(['s/new']);
  });

  it('is owned by its rule', async () => {
    const rule = await newRule();
    const journal = await open(rule);
    journal.put('s/a', '1');
    await journal.durable('s/a');
    const [object] = (await objectsOf(rule)) as { metadata: { ownerReferences?: unknown[] } }[];
    expect(object?.metadata.ownerReferences).toEqual([
      { apiVersion: 'app.example.com/v1alpha1', kind: 'TriggerRule', name: rule.name, uid: rule.uid, controller: true },
    ]);
  });

  it('leaves the API server nothing to account for, record by record', async () => {
    const rule = await newRule();
    const journal = await open(rule);
    journal.put('s/a', '1');
    await journal.durable('s/a');
    journal.put('s/a', '2');
    journal.put('s/b', '1');
    await journal.durable('s/b');
    const [object] = (await objectsOf(rule)) as { records?: object; metadata: { managedFields?: unknown[] } }[];
    expect(object?.records).toEqual({ 's/a': '2', 's/b': '1' });
    expect(object?.metadata.managedFields ?? []).toEqual([]);
  });

  describe('two processes that both believe to lead', () => {
    it('only one of them gets through; the other is told for good', async () => {
      const rule = await newRule();
      const old = await open(rule, 'old');
      old.put('s/a', '1');
      await old.durable('s/a');
      const young = await open(rule, 'young');
      young.put('s/a', '2');
      await young.durable('s/a');
      old.put('s/a', 'stale');
      await expect(old.durable('s/a')).rejects.toMatchObject({ code: 'KT_CHECKPOINT_CONFLICT', retry: 'never' });
      expect((await objectsOf(rule))[0]?.records).toEqual({ 's/a': '2' });
    });

    it('also when the object is made by both', async () => {
      const rule = await newRule();
      const [one, two] = [await open(rule, 'one'), await open(rule, 'two')];
      one.put('s/a', '1');
      await one.durable('s/a');
      two.put('s/a', '2');
      await expect(two.durable('s/a')).rejects.toMatchObject({ code: 'KT_CHECKPOINT_CONFLICT' });
    });
  });

  it('goes on when an answer was lost but the write had arrived', async () => {
    const rule = await newRule();
    let lose = 0;
    const lossy: KubeClient = new Proxy(kube, {
      get(target, name: keyof KubeClient) {
        const method = target[name].bind(target) as (...args: never[]) => unknown;
        if (name !== 'patch' && name !== 'create') return method;
        return async (...args: never[]) => {
          const answer = await method(...args);
          lose -= 1;
          if (lose === 0) throw new TriggerError('KT_KUBE_UNREACHABLE', 'the answer was lost');
          return answer;
        };
      },
    });
    const journal = await open(rule, 'a', lossy);
    lose = 1;
    journal.put('s/a', '1');
    await journal.durable('s/a');
    lose = 1;
    journal.put('s/a', '2');
    await journal.durable('s/a');
    expect((await objectsOf(rule))[0]?.records).toEqual({ 's/a': '2' });
  });

  it('ends when its object is deleted under it', async () => {
    const rule = await newRule();
    const journal = await open(rule);
    journal.put('s/a', '1');
    await journal.durable('s/a');
    await remove(rule, 0);
    journal.put('s/a', '2');
    await expect(journal.durable('s/a')).rejects.toMatchObject({ code: 'KT_CHECKPOINT_CONFLICT', retry: 'never' });
  });

  describe('of which one object was deleted while nothing ran', () => {
    const deleted = async (rule: RuleIdentity, index: number): Promise<Journal> => {
      await remove(rule, index);
      return open(rule, 'later');
    };

    it.each([0, 1, 2])('have no baseline any more, whichever it was: %i', async (index) => {
      const rule = await newRule();
      const journal = await open(rule);
      await putKeys(journal, 0, 600);
      await putBaseline(journal);
      await journal.close();
      expect((await open(rule)).stored.get('s')).toBe('1');
      const { stored } = await deleted(rule, index);
      expect(stored.get('s') ?? '').toBe('');
      expect([...stored.keys()].filter((record) => record.startsWith('s/'))).toHaveLength(index === 2 ? 500 : 350);
    });

    it('have none either when it was added after the baseline; the next one counts', async () => {
      const rule = await newRule();
      const journal = await open(rule);
      await putKeys(journal, 0, 10);
      await putBaseline(journal);
      await putKeys(journal, 10, 300);
      await journal.close();
      const then = await deleted(rule, 1);
      expect(then.stored.get('s')).toBe('');
      await putBaseline(then);
      await then.close();
      expect((await open(rule)).stored.get('s')).toBe('1');
    });

    it('have theirs when nothing tells how many there were: the version before wrote it', async () => {
      const rule = await newRule();
      const journal = await open(rule);
      await putKeys(journal, 0, 600);
      await putBaseline(journal);
      await journal.close();
      for (const object of await objectsOf(rule)) {
        await stage.must(
          'PATCH',
          pathOf(object),
          { objects: null },
          { 'content-type': 'application/merge-patch+json' },
        );
      }
      expect((await deleted(rule, 0)).stored.get('s')).toBe('1');
    });
  });

  it('cost one write for a change, and one more where an object is added to those of a baseline', async () => {
    const rule = await newRule();
    const { client, writes } = watched();
    const journal = await open(rule, 'a', client);
    await putKeys(journal, 0, 251);
    await putBaseline(journal);
    expect(writes.splice(0)).toEqual(['create 0', 'create 1', 'patch 1']);
    await putKeys(journal, 0, 1);
    expect(writes.splice(0)).toEqual(['patch 0']);
    await putKeys(journal, 251, 520);
    expect(writes.splice(0)).toEqual(['patch 1', 'create 2', 'patch 1']);
    await putKeys(journal, 510, 520);
    expect(writes.splice(0)).toEqual(['patch 2']);
  });

  it('tell how many there are with the next write when they could not before', async () => {
    const rule = await newRule();
    const { client, fail, writes } = watched();
    const journal = await open(rule, 'a', client);
    await putKeys(journal, 0, 249);
    await putBaseline(journal);
    fail.add('patch 0');
    await putKeys(journal, 250, 251);
    await journal.close();
    expect(writes).toEqual(['create 0', 'patch 0', 'create 1', 'patch 0', 'patch 1', 'patch 0']);
    await remove(rule, 1);
    expect((await open(rule)).stored.get('s')).toBe('');
  });

  it('says that it cannot be read', async () => {
    const closed = stage.client();
    await closed.close();
    await expect(storeOf('a', closed).open(await newRule())).rejects.toMatchObject({
      code: 'KT_CHECKPOINT_UNAVAILABLE',
    });
  });
});
