import type { SchedulerAction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type JournalOptions, PacedJournal, type SchedulerLike, TriggerError, VirtualClock } from './support/core.js';

interface Write {
  readonly atMs: number;
  readonly first: string;
  readonly records: Record<string, string | null>;
}

function setUp(options: Partial<JournalOptions> = {}) {
  const clock = new VirtualClock(0);
  let setBackByMs = 0;
  const scheduler: SchedulerLike = {
    now: () => clock.now() - setBackByMs,
    schedule: <T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T) =>
      clock.schedule(work, delay, state),
  };
  const writes: Write[] = [];
  const failures: unknown[] = [];
  const told: (string | undefined)[] = [];
  const journal = new PacedJournal({
    stored: new Map(),
    scheduler,
    random: () => 1,
    write: async (dirty, first) => {
      writes.push({ atMs: clock.now(), first, records: Object.fromEntries(dirty) });
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return dirty.keys();
    },
    onError: (error) => told.push(error?.code),
    ...options,
  });
  /** What became of a promise. */
  const watch = (promise: Promise<void>) => {
    const seen: { state: string } = { state: 'pending' };
    promise.then(
      () => (seen.state = 'stored'),
      (error: unknown) => (seen.state = error instanceof TriggerError ? error.code : 'rejected'),
    );
    return seen;
  };
  /** Sets the wall clock back; timers, and `clock`, do not notice. */
  const setBack = (ms: number) => void (setBackByMs += ms);
  return { clock, setBack, writes, failures, told, journal, watch };
}

const down = () => new TriggerError('KT_CHECKPOINT_UNAVAILABLE', 'down');
const fenced = () => new TriggerError('KT_CHECKPOINT_CONFLICT', 'fenced', { retry: 'never' });

describe('writes', () => {
  it('are at most one a second, however fast changes come', async () => {
    const { clock, writes, journal } = setUp();
    for (let i = 0; i < 500; i += 1) {
      journal.put(`r${i}`, '1');
      if (i % 3 === 0) void journal.durable(`r${i}`);
      await clock.advance(20);
    }
    await clock.advance(10_000);
    const gaps = writes.slice(1).map(({ atMs }, i) => atMs - (writes[i]?.atMs ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000);
    expect(writes.length).toBeLessThanOrEqual(12);
    expect(clock.pending).toBe(0);
  });

  it('may be a few at once after a quiet time, and are one a second on average all the same', async () => {
    const { clock, writes, journal } = setUp({ burst: 3 });
    for (let i = 0; i < 1000; i += 1) {
      journal.put(`r${i}`, '1');
      void journal.durable(`r${i}`);
      await clock.advance(10);
    }
    expect(writes.map(({ atMs }) => atMs)).toEqual([
      0, 10, 20, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000,
    ]);
    await clock.advance(60_000);
    const before = writes.length;
    for (const record of ['a', 'b', 'c']) {
      journal.put(record, '1');
      void journal.durable(record);
      await clock.advance(0);
    }
    expect(writes.length - before).toBe(3);
  });

  it('do not wait for a clock that was set back', async () => {
    const { clock, setBack, writes, journal } = setUp();
    const write = async (value: string, ms: number) => {
      journal.put('r', value);
      void journal.durable('r');
      await clock.advance(ms);
    };
    await write('1', 100);
    setBack(3_000_000);
    await write('2', 1500);
    await write('3', 100);
    // While it is known already when to write.
    setBack(3_000_000);
    await clock.advance(1000);
    await write('4', 10_000);
    expect(writes.map(({ atMs, records }) => [atMs, records['r']])).toEqual([
      [0, '1'],
      [1100, '2'],
      [2100, '3'],
      [3100, '4'],
    ]);
  });

  it('are one a second on average also after a clock was set back, where a few may be at once', async () => {
    const { clock, setBack, writes, journal } = setUp({ burst: 3 });
    for (let i = 0; i < 500; i += 1) {
      if (i === 250) setBack(3_000_000);
      journal.put('r', `${i}`);
      void journal.durable('r');
      await clock.advance(10);
    }
    expect(writes.map(({ atMs }) => atMs)).toEqual([0, 10, 20, 1000, 2000, 3500, 4500]);
  });

  it('happen at once for somebody who waits, after 3 s for nobody, and then take all along', async () => {
    const { clock, writes, journal, watch } = setUp();
    journal.put('lazy', '1');
    await clock.advance(2999);
    expect(writes).toEqual([]);
    await clock.advance(1);
    expect(writes).toMatchObject([{ atMs: 3000, first: 'lazy' }]);
    await clock.advance(5000);
    journal.put('lazy', '2');
    journal.put('urgent', '1');
    const urgent = watch(journal.durable('urgent'));
    await clock.advance(0);
    expect(writes[1]).toEqual({ atMs: 8000, first: 'urgent', records: { lazy: '2', urgent: '1' } });
    expect(urgent.state).toBe('stored');
  });

  it('ask for what somebody waits for first, when one cannot take all', async () => {
    const written: string[] = [];
    const { clock, journal } = setUp({
      write: (_dirty, first) => {
        written.push(first);
        return Promise.resolve([first]);
      },
    });
    for (const record of ['a', 'b', 'c']) journal.put(record, '1');
    void journal.durable('c');
    void journal.durable('b');
    await clock.advance(10_000);
    expect(written).toEqual(['c', 'b', 'a']);
  });

  it('of all that is waited for happen in one round, and whoever waits is told at its end', async () => {
    const written: [atMs: number, record: string][] = [];
    const { clock, journal, watch } = setUp({
      write: async (_dirty, first) => {
        await new Promise<void>((resolve) => void clock.schedule(resolve, 10));
        written.push([clock.now(), first]);
        return [first];
      },
    });
    for (const record of ['lazy', 'a', 'b']) journal.put(record, '1');
    const waiting = ['a', 'b'].map((record) => watch(journal.durable(record)));
    await clock.advance(15);
    journal.put('later', '1');
    const later = watch(journal.durable('later'));
    expect(waiting.map(({ state }) => state)).toEqual(['pending', 'pending']);
    await clock.advance(5);
    expect(waiting.map(({ state }) => state)).toEqual(['stored', 'stored']);
    await clock.advance(10_000);
    expect(later.state).toBe('stored');
    expect(written).toEqual([
      [10, 'a'],
      [20, 'b'],
      [1010, 'later'],
      [4020, 'lazy'],
    ]);
  });

  it('of many records are waited for at once', async () => {
    const { clock, journal, watch } = setUp({ write: (_dirty, first) => Promise.resolve([first]) });
    const records = Array.from({ length: 100 }, (_, i) => `r${i}`);
    for (const record of records) journal.put(record, '1');
    const all = watch(journal.durable(records));
    const none = watch(journal.durable([]));
    await clock.settle();
    expect([all.state, none.state]).toEqual(['pending', 'stored']);
    journal.put('r99', '2');
    await clock.advance(0);
    expect(all.state).toBe('stored');
  });

  it('that fail within a round end it: what was stored before is told, the rest is tried again', async () => {
    const { clock, journal, watch, failures } = setUp({ write: (_dirty, first) => writeOne(first) });
    const writeOne = async (first: string) => {
      if (first === 'b' && failures.shift() !== undefined) throw down();
      return [first];
    };
    failures.push(true);
    for (const record of ['a', 'b', 'c']) journal.put(record, '1');
    const waiting = ['a', 'b', 'c'].map((record) => watch(journal.durable(record)));
    await clock.advance(0);
    expect(waiting.map(({ state }) => state)).toEqual(['stored', 'pending', 'pending']);
    await clock.advance(1000);
    expect(waiting.map(({ state }) => state)).toEqual(['stored', 'stored', 'stored']);
  });

  it('of a record that changed meanwhile are repeated with its newer value', async () => {
    const { clock, writes, journal } = setUp();
    journal.put('r', '1');
    const first = journal.durable('r');
    await clock.advance(0);
    await first;
    journal.put('r', '2');
    journal.put('r', null);
    await clock.advance(5000);
    expect(writes.map(({ records }) => records)).toEqual([{ r: '1' }, { r: null }]);
  });

  it('that change during a write wait for the next one', async () => {
    let release: (() => void) | undefined;
    const batches: unknown[] = [];
    const { clock, journal, watch } = setUp({
      write: async (dirty) => {
        batches.push(Object.fromEntries(dirty));
        await new Promise<void>((resolve) => (release = resolve));
        return dirty.keys();
      },
    });
    journal.put('r', '1');
    const one = watch(journal.durable('r'));
    await clock.advance(0);
    journal.put('r', '2');
    const two = watch(journal.durable('r'));
    release?.();
    await clock.advance(999);
    expect([one.state, two.state]).toEqual(['pending', 'pending']);
    await clock.advance(1);
    release?.();
    await clock.settle();
    expect([one.state, two.state]).toEqual(['stored', 'stored']);
    expect(batches).toEqual([{ r: '1' }, { r: '2' }]);
  });
});

describe('a failed write', () => {
  it('is repeated for ever with backoff up to 30 s, and then told to be good again', async () => {
    const { clock, writes, failures, told, journal, watch } = setUp();
    for (let i = 0; i < 20; i += 1) failures.push(i % 2 === 0 ? down() : 'not an error');
    journal.put('r', '1');
    const waiting = watch(journal.durable('r'));
    await clock.advance(3_600_000);
    const gaps = writes.slice(1).map(({ atMs }, i) => atMs - (writes[i]?.atMs ?? 0));
    expect(gaps.slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(waiting.state).toBe('stored');
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toBeUndefined();
  });

  it('is repeated with the same backoff when the clock was set back', async () => {
    const { clock, setBack, writes, failures, journal } = setUp();
    for (let i = 0; i < 10; i += 1) failures.push(down());
    journal.put('r', '1');
    await clock.advance(3100);
    setBack(3_000_000);
    void journal.durable('r');
    await clock.advance(100_000);
    setBack(3_000_000);
    await clock.advance(200_000);
    const gaps = writes.slice(1).map(({ atMs }, i) => atMs - (writes[i]?.atMs ?? 0));
    expect(gaps).toEqual([1100, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000]);
  });

  it('that leaves out the record it was asked for counts as failed, also at the close', async () => {
    const { clock, journal, told, watch } = setUp({ write: () => Promise.resolve([]) });
    journal.put('r', '1');
    await clock.advance(3000);
    expect(told).toEqual(['KT_CHECKPOINT_UNAVAILABLE']);
    const closed = watch(journal.close());
    await clock.settle();
    expect(closed.state).toBe('KT_CHECKPOINT_UNAVAILABLE');
  });

  it('survives a listener that throws', async () => {
    const { clock, writes, failures, journal, watch } = setUp({
      onError: () => {
        throw new Error('boom');
      },
    });
    failures.push(down());
    journal.put('r', '1');
    const waiting = watch(journal.durable('r'));
    await clock.advance(5000);
    expect(waiting.state).toBe('stored');
    expect(writes).toHaveLength(2);
  });

  it('survives a writer that throws synchronously', async () => {
    let broken = true;
    const { clock, journal, watch } = setUp({
      write: (dirty) => {
        if (broken) throw new Error('boom');
        return Promise.resolve(dirty.keys());
      },
    });
    journal.put('r', '1');
    const waiting = watch(journal.durable('r'));
    await clock.advance(500);
    broken = false;
    await clock.advance(5000);
    expect(waiting.state).toBe('stored');
  });
});

describe('a fenced journal', () => {
  it('rejects whoever waits, now and later, writes no more and keeps nothing', async () => {
    const { clock, writes, failures, journal, watch } = setUp();
    failures.push(fenced());
    journal.put('r', '1');
    const before = watch(journal.durable('r'));
    await clock.advance(0);
    journal.put('r', '2');
    const after = watch(journal.durable('r'));
    await clock.advance(600_000);
    expect([before.state, after.state]).toEqual(['KT_CHECKPOINT_CONFLICT', 'KT_CHECKPOINT_CONFLICT']);
    const closed = watch(journal.close());
    await clock.settle();
    expect(closed.state).toBe('KT_CHECKPOINT_CONFLICT');
    expect(writes).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

describe('close', () => {
  it('writes what is left and resolves whoever waits', async () => {
    const { clock, writes, journal, watch } = setUp();
    journal.put('a', '1');
    const first = watch(journal.durable('a'));
    await clock.advance(0);
    journal.put('b', '1');
    journal.put('c', null);
    const waiting = watch(journal.durable('b'));
    await journal.close();
    await clock.settle();
    expect([first.state, waiting.state]).toEqual(['stored', 'stored']);
    expect(writes[1]?.records).toEqual({ b: '1', c: null });
    expect(clock.pending).toBe(0);
  });

  it('waits for the write under way', async () => {
    const { clock, journal, watch } = setUp({
      write: async (dirty) => {
        await new Promise<void>((resolve) => {
          clock.schedule(() => resolve(), 500);
        });
        return dirty.keys();
      },
    });
    journal.put('r', '1');
    void journal.durable('r');
    await clock.advance(100);
    const closed = watch(journal.close());
    await clock.settle();
    expect(closed.state).toBe('pending');
    await clock.advance(400);
    expect(closed.state).toBe('stored');
  });

  it('that cannot write rejects, and so does whoever waits: nobody is left hanging', async () => {
    const { failures, journal, watch, clock } = setUp();
    failures.push(down());
    journal.put('r', '1');
    const waiting = watch(journal.durable('r'));
    const closed = watch(journal.close());
    await clock.settle();
    expect([waiting.state, closed.state]).toEqual(['KT_CHECKPOINT_UNAVAILABLE', 'KT_CHECKPOINT_UNAVAILABLE']);
    expect(clock.pending).toBe(0);
  });

  it('is one however often it is called; after it nothing is taken, and nothing claims to be stored', async () => {
    const { clock, writes, journal, watch } = setUp();
    journal.put('r', '1');
    await Promise.all([journal.close(), journal.close()]);
    journal.put('late', '1');
    const late = watch(journal.durable('late'));
    await clock.advance(60_000);
    expect(late.state).toBe('KT_STOPPED');
    expect(writes).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
