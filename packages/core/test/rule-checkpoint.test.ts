import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../src/checkpoint/journal.js';
import { RuleCheckpoint } from '../src/checkpoint/rule-checkpoint.js';
import { ABSENT, MemoryCheckpointStore } from './support/core.js';
import { IDENTITY } from './support/harness.js';

async function open(store: MemoryCheckpointStore, edge: string[] = []): Promise<RuleCheckpoint> {
  return new RuleCheckpoint(await store.open(IDENTITY), { sourceIds: ['s', ...edge], edgeSourceIds: edge, nowMs: 0 });
}

const state = (key: string, revision: string, sourceId = 's') => ({ sourceId, key, revision });

describe('the combined revision', () => {
  const acted = fc.uniqueArray(fc.record({ key: fc.string({ minLength: 1 }), revision: fc.string({ minLength: 1 }) }), {
    selector: ({ key }) => key,
    minLength: 1,
    maxLength: 8,
  });

  it('does not depend on the order of keys, and is equal after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(acted, fc.infiniteStream(fc.nat()), async (states, random) => {
        const [store, other] = [new MemoryCheckpointStore(), new MemoryCheckpointStore()];
        const one = await open(store);
        for (const { key, revision } of states) one.settle(state(key, revision));
        const shuffled = states
          .map((item) => ({ item, at: random.next().value as number }))
          .toSorted((a, b) => a.at - b.at);
        const two = await open(other);
        for (const { item } of shuffled) {
          await two.begin(state(item.key, item.revision));
          two.settle(state(item.key, item.revision));
        }
        expect(two.readCombinedRevision()).toBe(one.readCombinedRevision());
        expect((await open(store)).readCombinedRevision()).toBe(one.readCombinedRevision());
        expect((await open(other)).readCombinedRevision()).toBe(one.readCombinedRevision());
      }),
    );
  });

  it('differs for other states, moves on when a delivery begins, and comes back with the state', async () => {
    const checkpoint = await open(new MemoryCheckpointStore());
    checkpoint.baseline(state('k', '1'));
    const first = checkpoint.readCombinedRevision();
    await checkpoint.begin(state('k', '2'));
    const second = checkpoint.readCombinedRevision();
    checkpoint.settle(state('k', '2'));
    expect(checkpoint.readCombinedRevision()).toBe(second);
    await checkpoint.begin(state('k', '1'));
    expect([second === first, checkpoint.readCombinedRevision()]).toEqual([false, first]);
    expect(first).toMatch(/^[\w-]{22}$/);
  });

  it('knows of a beginning once it is stored, as a restart would', async () => {
    const stored: (() => void)[] = [];
    const journal: Journal = {
      stored: new Map(),
      put: () => undefined,
      durable: () => new Promise((resolve) => stored.push(resolve)),
      close: () => Promise.resolve(),
    };
    const checkpoint = new RuleCheckpoint(journal, { sourceIds: ['s'], nowMs: 0 });
    for (const key of ['a', 'b']) checkpoint.baseline(state(key, '1'));
    const before = checkpoint.readCombinedRevision();
    const [a, b] = [checkpoint.begin(state('a', '2')), checkpoint.begin(state('b', '2'))];
    expect(checkpoint.readCombinedRevision()).toBe(before);
    stored[0]?.();
    await a;
    const withA = checkpoint.readCombinedRevision();
    expect(withA).not.toBe(before);
    checkpoint.undoBegin(state('b', '2'), { sequence: 0, settled: '1' });
    expect(checkpoint.readCombinedRevision()).toBe(withA);
    stored[1]?.();
    await b;
    expect(checkpoint.readCombinedRevision()).toBe(withA);
  });

  it('stays what it was for a state that a filter drops, for its deletion, and for a beginning taken back', async () => {
    const store = new MemoryCheckpointStore();
    const checkpoint = await open(store);
    checkpoint.baseline(state('k', '1'));
    const before = checkpoint.readCombinedRevision();
    const entry = checkpoint.get('s', 'k');
    await checkpoint.begin(state('k', '2'));
    checkpoint.undoBegin(state('k', '2'), entry);
    checkpoint.drop(state('k', '3'));
    checkpoint.drop(state('k', ABSENT));
    checkpoint.drop(state('new', '1'));
    await checkpoint.begin(state('other', '1'));
    checkpoint.undoBegin(state('other', '1'), undefined);
    expect(checkpoint.readCombinedRevision()).toBe(before);
    expect((await open(store)).readCombinedRevision()).toBe(before);
  });

  it('does not change by forgetting keys', async () => {
    const store = new MemoryCheckpointStore();
    const checkpoint = await open(store, ['edge']);
    const seen = new Set<string>();
    for (let i = 0; i < 1500; i += 1) {
      checkpoint.settle(state(`k${i}`, 'r', 'edge'));
      seen.add(checkpoint.readCombinedRevision());
    }
    expect(checkpoint.size).toBe(1000);
    expect(seen.size).toBe(1500);
    const again = await open(store, ['edge']);
    expect(again.readCombinedRevision()).toBe(checkpoint.readCombinedRevision());
    expect(again.size).toBe(1000);
  });
});

describe('remembered deletions', () => {
  it('are bounded, the latest stay, those in delivery too', async () => {
    const checkpoint = await open(new MemoryCheckpointStore());
    checkpoint.baseline(state('first', '1'));
    checkpoint.drop(state('first', ABSENT));
    await checkpoint.begin(state('first', '2'));
    for (let i = 0; i < 3000; i += 1) {
      checkpoint.baseline(state(`k${i}`, '1'));
      checkpoint.drop(state(`k${i}`, ABSENT));
    }
    expect(checkpoint.size).toBe(1001);
    expect(checkpoint.get('s', 'first')?.begun?.revision).toBe('2');
    expect(checkpoint.get('s', 'k1999')).toBeUndefined();
    expect(checkpoint.get('s', 'k2000')).toMatchObject({ gone: true });
  });
});

describe('what may be forgotten', () => {
  const letters = (checkpoint: RuleCheckpoint) => [...checkpoint.failed()].map(({ key }) => key);
  const churn = (checkpoint: RuleCheckpoint, count: number, sourceId: string) => {
    for (let i = 0; i < count; i += 1) checkpoint.settle(state(`churn${i}`, 'r', sourceId));
  };

  it('makes room for its own source only: a timer does not lose its place to keys that come and go', async () => {
    const store = new MemoryCheckpointStore();
    const checkpoint = await open(store, ['timer']);
    checkpoint.settle(state('nightly', '2024-03-03T03:30:00Z', 'timer'));
    for (let i = 0; i < 1500; i += 1) {
      checkpoint.baseline(state(`k${i}`, '1'));
      checkpoint.drop(state(`k${i}`, ABSENT));
    }
    expect(checkpoint.size).toBe(1001);
    expect((await open(store, ['timer'])).get('timer', 'nightly')?.settled).toBe('2024-03-03T03:30:00Z');
  });

  it('are no dead letters: of these the latest are kept beside it', async () => {
    const store = new MemoryCheckpointStore();
    const checkpoint = await open(store, ['queue']);
    checkpoint.settle(state('letter', 'r', 'queue'), 'KT_X');
    churn(checkpoint, 1500, 'queue');
    expect(letters(checkpoint)).toEqual(['letter']);
    expect(checkpoint.size).toBe(1001);
    for (let i = 0; i < 1500; i += 1) checkpoint.settle(state(`letter${i}`, 'r', 'queue'), 'KT_X');
    expect(letters(checkpoint)).toEqual(Array.from({ length: 1000 }, (_, i) => `letter${500 + i}`));
    expect(checkpoint.size).toBe(2000);
    // One that was dealt with after all is like any other.
    checkpoint.settle(state('letter1400', 'r', 'queue'));
    churn(checkpoint, 1000, 'queue');
    expect(checkpoint.get('queue', 'letter1400')).toBeUndefined();
    expect(letters(checkpoint)).toHaveLength(999);
  });

  it('are the oldest also after a restart, in whatever order a store gives them', async () => {
    const store = new MemoryCheckpointStore();
    const checkpoint = await open(store, ['queue']);
    for (let i = 999; i >= 0; i -= 1) {
      await checkpoint.begin(state(`k${i}`, 'r', 'queue'));
      checkpoint.settle(state(`k${i}`, 'r', 'queue'));
    }
    const stored = new Map([...(await store.open(IDENTITY)).stored].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const journal = { ...(await store.open(IDENTITY)), stored };
    const again = new RuleCheckpoint(journal, { sourceIds: ['queue'], edgeSourceIds: ['queue'], nowMs: 0 });
    churn(again, 3, 'queue');
    expect([999, 998, 997, 996].map((i) => again.get('queue', `k${i}`)?.settled)).toEqual([
      undefined,
      undefined,
      undefined,
      'r',
    ]);
  });

  it('are occurrences whose retry a restart ended, too; a state whose retry it ended is still due', async () => {
    const store = new MemoryCheckpointStore();
    const checkpoint = await open(store, ['queue']);
    for (const sourceId of ['s', 'queue']) {
      checkpoint.settle(state('retried', 'r', sourceId), 'KT_X');
      checkpoint.reopen(state('retried', 'r', sourceId));
    }
    const again = await open(store, ['queue']);
    expect(letters(again)).toEqual(['retried', 'retried']);
    expect(again.isSettled(state('retried', 'r'))).toBe(false);
    for (let i = 0; i < 1000; i += 1) again.settle(state(`letter${i}`, 'r', 'queue'), 'KT_X');
    expect(again.get('queue', 'retried')).toBeUndefined();
    expect(again.get('s', 'retried')?.begun?.revision).toBe('r');
  });
});
