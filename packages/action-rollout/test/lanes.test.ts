import { describe, expect, it } from 'vitest';
import { Lanes } from '../src/targets/lanes.js';

const never = new AbortController().signal;

describe('lanes', () => {
  it('keep what is known of a target', async () => {
    const lanes = new Lanes();
    await lanes.run('a', never, async (lane) => {
      lane.revisions.set('rule', { revision: 'one', id: 'event-1', atMs: 0 });
    });
    expect(await lanes.run('a', never, async ({ revisions }) => revisions.get('rule')?.revision)).toBe('one');
    expect(await lanes.run('b', never, async ({ revisions }) => revisions.get('rule')?.revision)).toBeUndefined();
  });

  it('are bounded: those that were used longest ago go first, those in use never', async () => {
    const lanes = new Lanes();
    let letGo: (() => void) | undefined;
    const busy = lanes.run('busy', never, () => new Promise<void>((resolve) => void (letGo = resolve)));
    for (let n = 0; n < 10_500; n += 1) await lanes.run(`target-${n}`, never, async () => undefined);
    expect(lanes.size).toBe(10_000);
    const after = lanes.run('busy', never, async () => 'after');
    letGo?.();
    await busy;
    expect(await after).toBe('after');
    expect(lanes.size).toBe(10_000);
  });
});
