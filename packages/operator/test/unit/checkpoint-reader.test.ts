import type { RuleIdentity } from '@kube-trigger/core';
import type { KubeClient, ListOptions } from '@kube-trigger/kube';
import { beforeEach, describe, expect, it } from 'vitest';
import { RULE_UID_LABEL } from '../../src/api/resources.js';
import { CheckpointReader, type StoredCheckpoint } from '../../src/checkpoint/checkpoint-reader.js';

const rule = (uid: string, namespace = 'shop'): RuleIdentity => ({ namespace, name: `rule-${uid}`, uid });
const stored = (uid: string, number = 0): StoredCheckpoint => ({
  apiVersion: 'v1',
  kind: 'TriggerCheckpoint',
  metadata: { name: `rule-${uid}-${number}`, labels: { [RULE_UID_LABEL]: uid } },
});

let objects: StoredCheckpoint[];
/** What was asked for: a selector, or everything in a namespace. */
let asked: string[];
/** Runs before each page. */
let onPage: () => void | Promise<void>;
let reader: CheckpointReader;

beforeEach(() => {
  objects = Array.from({ length: 20 }, (_, i) => stored(`${i}`));
  asked = [];
  onPage = () => undefined;
  const client: Partial<KubeClient> = {
    list: ((_resource, { labelSelector = '' }: ListOptions = {}) => {
      asked.push(labelSelector);
      return Promise.resolve(
        objects.filter(({ metadata }) => labelSelector.endsWith(`=${metadata.labels?.[RULE_UID_LABEL]}`)),
      );
    }) as KubeClient['list'],
    pages: async function* (_resource: unknown, { namespace = '' }: ListOptions = {}) {
      asked.push(`all of ${namespace}`);
      for (let at = 0; at < objects.length; at += 7) {
        await onPage();
        yield { items: objects.slice(at, at + 7), resourceVersion: '1' };
      }
    } as KubeClient['pages'],
  };
  reader = new CheckpointReader(client as KubeClient);
});

const namesOf = async (uids: readonly string[]) => {
  const found = await Promise.all(uids.map((uid) => reader.read(rule(uid))));
  return found.map((each) => each.map(({ metadata }) => metadata.name ?? ''));
};
const many = Array.from({ length: 10 }, (_, i) => `${i}`);

describe('checkpoints', () => {
  it('of many rules are read together, each getting its own', async () => {
    objects.push(stored('3', 1));
    const names = await namesOf([...many, 'new']);
    expect(asked).toEqual(['all of shop']);
    expect(names).toEqual([...many.map((uid) => [`rule-${uid}-0`, ...(uid === '3' ? ['rule-3-1'] : [])]), []]);
  });

  it('of a few rules are asked for by their label', async () => {
    expect(await namesOf(['1', '2'])).toEqual([['rule-1-0'], ['rule-2-0']]);
    expect(asked).toEqual([`${RULE_UID_LABEL}=1`, `${RULE_UID_LABEL}=2`]);
  });

  it('that are asked for during a reading are in the next one: what was written before is in it', async () => {
    let later: Promise<string[][]> | undefined;
    onPage = () => {
      if (later !== undefined) return;
      objects.push(stored('late'));
      later = namesOf([...many, 'late']);
    };
    await namesOf(many);
    expect((await later)?.at(-1)).toEqual(['rule-late-0']);
    expect(asked).toEqual(['all of shop', 'all of shop']);
  });

  it('of another namespace are read beside them', async () => {
    await Promise.all([...many.map((uid) => reader.read(rule(uid))), reader.read(rule('1', 'bank'))]);
    expect(asked.toSorted()).toEqual(['all of shop', `${RULE_UID_LABEL}=1`]);
  });

  it('that cannot be read are an error for all who asked, and for nobody later', async () => {
    onPage = () => Promise.reject(new Error('no answer'));
    const outcomes = await Promise.allSettled(many.map((uid) => reader.read(rule(uid))));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    onPage = () => undefined;
    expect(await namesOf(many)).toHaveLength(10);
  });
});
