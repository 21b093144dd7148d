import { describe, expect, it } from 'vitest';
import { judge, percentile, type Roll, type Write } from '../src/judge.js';
import { dataOf, newestIn, stateOf } from '../src/states.js';

function writes(...states: number[]): Write[] {
  return states.map((state, i) => ({ state, sentAtMs: 100 * (i + 1) }));
}

function rolls(...states: (number | undefined)[]): Roll[] {
  return states.map((state, i) => ({ state, seenAtMs: 100 * (i + 1) + 7, generation: i + 2, unseen: 0 }));
}

const SOUND = { missing: [], duplicates: [], outOfOrder: [], unexplained: [] };

describe('judge', () => {
  it('finds nothing when each change was rolled once, and says how long each took', () => {
    const verdict = judge({ initial: 0, writes: writes(1, 2, 3), rolls: rolls(1, 2, 3) });
    expect(verdict).toEqual({ ...SOUND, changes: 3, rolls: 3, latenciesMs: [7, 7, 7] });
  });

  it('lets a change be superseded, and does not count a write of what was there', () => {
    const verdict = judge({ initial: 0, writes: writes(0, 1, 1, 2, 3), rolls: rolls(1, 3) });
    expect(verdict).toMatchObject({ ...SOUND, changes: 3, rolls: 2 });
  });

  it('takes a state that came back for a position of its own', () => {
    expect(judge({ initial: 0, writes: writes(1, 2, 1), rolls: rolls(1, 2, 1) })).toMatchObject(SOUND);
    expect(judge({ initial: 0, writes: writes(1, 2, 1), rolls: rolls(1) })).toMatchObject(SOUND);
  });

  it('says that the last state is missing', () => {
    expect(judge({ initial: 0, writes: writes(1, 2), rolls: rolls(1) }).missing).toEqual([2]);
    expect(judge({ initial: 0, writes: writes(1), rolls: [] }).missing).toEqual([1]);
    expect(judge({ initial: 0, writes: writes(1, 0), rolls: [] }).missing).toEqual([]);
  });

  it('finds a roll to what the target had, also when that state comes back later', () => {
    expect(judge({ initial: 0, writes: writes(1), rolls: rolls(1, 1) }).duplicates).toMatchObject([{ generation: 3 }]);
    expect(judge({ initial: 0, writes: writes(1, 2, 1), rolls: rolls(1, 1) }).duplicates).toHaveLength(1);
    expect(judge({ initial: 0, writes: writes(1, 0), rolls: rolls(0) }).duplicates).toHaveLength(1);
  });

  it('finds a roll back to an older state', () => {
    const verdict = judge({ initial: 0, writes: writes(1, 2), rolls: rolls(2, 1) });
    expect(verdict.outOfOrder).toMatchObject([{ state: 1 }]);
    expect(verdict.missing).toEqual([2]);
  });

  it('finds a roll to what the source never had, or that says nothing', () => {
    expect(judge({ initial: 0, writes: writes(1), rolls: rolls(5, undefined, 1) }).unexplained).toHaveLength(2);
  });

  it('counts generations that were not seen as rolls, each of which needs a state of its own', () => {
    const gap = (unseen: number): Roll[] => [{ state: 3, seenAtMs: 400, generation: 2 + unseen, unseen }];
    expect(judge({ initial: 0, writes: writes(1, 2, 3), rolls: gap(2) })).toMatchObject({ ...SOUND, rolls: 3 });
    expect(judge({ initial: 0, writes: writes(1, 2, 3), rolls: gap(3) }).duplicates).toHaveLength(1);
  });
});

describe('percentile', () => {
  it('is the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([50, 90, 99, 100].map((percent) => percentile(values, percent))).toEqual([50, 90, 99, 100]);
    expect(percentile([5], 50)).toBe(5);
    expect(percentile([], 50)).toBeUndefined();
  });
});

describe('numbered states', () => {
  const cause = (...states: number[]) => {
    const keys = states.flatMap((state) => Object.keys(dataOf(state))).toSorted();
    return {
      'trigger.app.example.com/cause': `ConfigMap ns/app updated (${keys.slice(0, 2).join(', ')} +1 more) by x`,
    };
  };

  it('are told by their data', () => {
    expect([0, 1, 999_999].map((state) => stateOf(dataOf(state)))).toEqual([0, 1, 999_999]);
    expect(() => dataOf(1_000_000)).toThrow(RangeError);
    expect(stateOf({})).toBeUndefined();
  });

  it('are told by the cause, which names the newest first', () => {
    expect(newestIn(cause(7, 8))).toBe(8);
    expect(newestIn(cause(99, 100, 101))).toBe(101);
    expect(newestIn({})).toBeUndefined();
  });
});
