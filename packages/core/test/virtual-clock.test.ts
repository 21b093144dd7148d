import { firstValueFrom, interval, map, take, timer, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { fullJitter, sleep, VirtualClock } from './support/core.js';
import { Semaphore } from '../src/pipeline/wait.js';

describe('the virtual clock', () => {
  it('stands still until it is moved, and then runs what is due in order', async () => {
    const clock = new VirtualClock(1000);
    const ran: [string, number][] = [];
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b', 10],
      ['d', 31],
    ] as const) {
      clock.schedule(() => ran.push([name, clock.now()]), ms);
    }
    await clock.settle();
    expect([ran, clock.now(), clock.pending]).toEqual([[], 1000, 4]);
    await clock.advance(30);
    expect(ran).toEqual([
      ['a', 1010],
      ['b', 1010],
      ['c', 1030],
    ]);
    expect([clock.now(), clock.pending]).toEqual([1030, 1]);
  });

  it('lets promises settle between timers, and runs the timers that those make', async () => {
    const clock = new VirtualClock(0);
    const at: number[] = [];
    const walk = async () => {
      for (let i = 0; i < 5; i += 1) {
        await firstValueFrom(timer(7, clock));
        at.push(clock.now());
      }
    };
    const walking = walk();
    await clock.advance(100);
    await walking;
    expect(at).toEqual([7, 14, 21, 28, 35]);
  });

  it('drives intervals of RxJS and forgets them when they are unsubscribed', async () => {
    const clock = new VirtualClock(0);
    const ticks = firstValueFrom(
      interval(10, clock).pipe(
        map(() => clock.now()),
        take(3),
        toArray(),
      ),
    );
    await clock.advance(1000);
    expect(await ticks).toEqual([10, 20, 30]);
    const subscription = interval(10, clock).subscribe();
    expect(clock.pending).toBe(1);
    subscription.unsubscribe();
    expect(clock.pending).toBe(0);
  });

  it('advances until something is so, and says what was not', async () => {
    const clock = new VirtualClock(0);
    let done = false;
    clock.schedule(() => (done = true), 5000);
    await clock.advanceUntil(() => done, 'done');
    expect(clock.now()).toBe(5000);
    await expect(clock.advanceUntil(() => !done, 'undone', 1000)).rejects.toThrow('not reached within 1000 ms: undone');
  });
});

describe('sleep', () => {
  it('ends at its time or with its signal, and leaves nothing behind', async () => {
    const clock = new VirtualClock(0);
    const [alarm, never] = [new AbortController(), new AbortController().signal];
    const ended: string[] = [];
    void sleep(50, clock, never).then(() => ended.push('time'));
    void sleep(1e15, clock, alarm.signal).then(() => ended.push('alarm'));
    void sleep(1e15, clock, AbortSignal.abort()).then(() => ended.push('before'));
    void sleep(-5, clock, never).then(() => ended.push('past'));
    await clock.advance(0);
    expect(ended).toEqual(['before', 'past']);
    await clock.advance(50);
    alarm.abort();
    await clock.settle();
    expect(ended).toEqual(['before', 'past', 'time', 'alarm']);
    expect(clock.pending).toBe(0);
  });

  it('of more than a timer can hold ends after the longest one, not at once', async () => {
    const clock = new VirtualClock(0);
    let endedAt: number | undefined;
    void sleep(Number.POSITIVE_INFINITY, clock, new AbortController().signal).then(() => (endedAt = clock.now()));
    await clock.advance(1000);
    expect(endedAt).toBeUndefined();
    await clock.advance(2 ** 31);
    expect(endedAt).toBe(2 ** 31 - 1);
  });
});

describe('full jitter', () => {
  const options = { initialDelayMs: 1000, maxDelayMs: 60_000 };
  it('is below an exponential bound and at least a tenth of the initial delay, for any attempt', () => {
    for (let attempt = 1; attempt <= 2000; attempt += 1) {
      const bound = Math.min(60_000, 1000 * 2 ** (attempt - 1));
      expect(fullJitter(attempt, options, () => 0)).toBe(100);
      expect(fullJitter(attempt, options, () => 0.999)).toBeCloseTo(bound * 0.999);
    }
  });
});

describe('places', () => {
  it('are handed out first come, first served, and given free once', async () => {
    const places = new Semaphore(2);
    const order: number[] = [];
    const [first] = await Promise.all([places.acquire(), places.acquire()]);
    const waiting = [1, 2, 3].map(async (i) => {
      const leave = await places.acquire();
      order.push(i);
      return leave;
    });
    first?.();
    first?.();
    const leave = await waiting[0];
    expect(order).toEqual([1]);
    leave?.();
    await waiting[1];
    expect(order).toEqual([1, 2]);
  });
});
