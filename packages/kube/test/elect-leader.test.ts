import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { electLeader, type LeaderElection, type Role } from '../src/index.js';
import { MemoryLogger } from './support/harness.js';
import { MemoryLeases } from './support/memory-leases.js';
import { TestClock } from './support/test-clock.js';

interface Candidate {
  readonly election: LeaderElection;
  readonly roles: Role[];
  readonly link: { up: boolean };
}

let clock: TestClock;
let leases: MemoryLeases;
let candidates: Candidate[];

beforeEach(() => {
  clock = new TestClock();
  leases = new MemoryLeases();
  candidates = [];
});

afterEach(async () => {
  for (const { election, link } of candidates) {
    link.up = true;
    const stopping = election.stop();
    await clock.advance(10_000);
    await stopping;
  }
});

/** `skewMs`: how far this replica's wall clock is off. */
function candidate(
  identity: string,
  { skewMs = 0, own = clock }: { skewMs?: number; own?: TestClock } = {},
): Candidate {
  const link = { up: true };
  const roles: Role[] = [];
  const election = electLeader({
    client: leases.client(link),
    namespace: 'kube-trigger',
    name: 'leader',
    identity,
    logger: new MemoryLogger(),
    scheduler: own,
    monotonicMs: own.monotonicMs,
    wallMs: () => 1_700_000_000_000 + own.now() + skewMs,
  });
  election.role.subscribe((role) => roles.push(role));
  const made = { election, roles, link };
  candidates.push(made);
  return made;
}

const holder = () => leases.lease?.spec?.holderIdentity;

describe('leader election', () => {
  it('makes the lease, leads and renews it every retry period', async () => {
    const a = candidate('a');
    await clock.advance(0);
    expect(a.roles).toEqual(['standby', 'leading']);
    expect(leases.lease?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(leases.lease?.spec?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await clock.advance(20_000);
    expect(leases.writes).toBeGreaterThanOrEqual(10);
    expect(leases.writes).toBeLessThanOrEqual(13);
    expect(a.roles).toEqual(['standby', 'leading']);
  });

  it('lets one lead and one stand by, whatever their wall clocks say', async () => {
    const a = candidate('a', { skewMs: -120_000 });
    await clock.advance(100);
    const b = candidate('b', { skewMs: 120_000 });
    await clock.advance(120_000);
    expect([a.election.isLeader(), b.election.isLeader()]).toEqual([true, false]);
    expect(b.roles).toEqual(['standby']);
  });

  it('hands over within a retry period when the leader stops, and counts the transition', async () => {
    const a = candidate('a');
    await clock.advance(0);
    const b = candidate('b');
    await clock.advance(5_000);
    const stopping = a.election.stop();
    expect(a.election.isLeader()).toBe(false);
    await stopping;
    expect(holder()).toBe('');
    expect(a.roles).toEqual(['standby', 'leading', 'standby']);
    await clock.advance(2_000);
    expect(b.election.isLeader()).toBe(true);
    expect(leases.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it.each([0, 300, 900, 1_799])(
    'takes over from a crash within lease + 2 s (crash %s ms after a renewal)',
    async (afterMs) => {
      const own = new TestClock();
      const a = candidate('a', { own });
      await own.advance(0);
      const b = candidate('b');
      await clock.advance(1_000);
      await own.advance(1_800);
      await clock.advance(afterMs);
      const crashedAt = clock.now() - afterMs;
      for (; !b.election.isLeader(); await clock.advance(50)) {
        expect(clock.now() - crashedAt).toBeLessThanOrEqual(17_000);
      }
      expect(clock.now() - crashedAt).toBeGreaterThanOrEqual(15_000);
      expect(a.election.isLeader()).toBe(true); // Its own clock stood still: it never ran again.
    },
  );

  it('fences a process that was stopped for 40 s in its first instruction, before any timer ran', async () => {
    const own = new TestClock();
    const a = candidate('a', { own });
    await own.advance(0);
    const b = candidate('b');
    await clock.advance(20_000);
    expect(b.election.isLeader()).toBe(true);
    expect(a.election.isLeader()).toBe(true);
    own.freeze(40_000);
    expect(a.election.isLeader()).toBe(false);
    await own.advance(5_000);
    expect(a.roles).toEqual(['standby', 'leading', 'standby']);
    expect(holder()).toBe('b');
  });

  it('steps down when the machine slept: the wall clock went on, the monotonic one did not', async () => {
    let slept = 0;
    const election = electLeader({
      client: leases.client(),
      namespace: 'n',
      name: 'l',
      identity: 'a',
      logger: new MemoryLogger(),
      scheduler: clock,
      monotonicMs: clock.monotonicMs,
      wallMs: () => clock.now() + slept,
    });
    await clock.advance(0);
    expect(election.isLeader()).toBe(true);
    slept = 60_000;
    expect(election.isLeader()).toBe(false);
    await clock.advance(2_000);
    expect(election.isLeader()).toBe(true);
    await election.stop();
  });

  it('stops leading at the renew deadline when it cannot renew, before anyone may take over', async () => {
    const a = candidate('a');
    await clock.advance(0);
    const b = candidate('b');
    await clock.advance(1_000);
    a.link.up = false;
    const cutAt = clock.now();
    while (a.election.isLeader()) await clock.advance(100);
    expect(clock.now() - cutAt).toBeLessThanOrEqual(10_000);
    expect(a.roles.at(-1)).toBe('standby');
    expect(b.election.isLeader()).toBe(false);
    while (!b.election.isLeader()) {
      await clock.advance(100);
      expect(clock.now() - cutAt).toBeLessThan(18_000);
    }
    a.link.up = true;
    await clock.advance(30_000);
    expect([a.election.isLeader(), b.election.isLeader()]).toEqual([false, true]);
  });

  it('a short outage changes nothing', async () => {
    const a = candidate('a');
    await clock.advance(0);
    a.link.up = false;
    await clock.advance(7_000);
    a.link.up = true;
    await clock.advance(10_000);
    expect(a.roles).toEqual(['standby', 'leading']);
  });

  it('makes the lease anew when somebody deleted it', async () => {
    const a = candidate('a');
    await clock.advance(0);
    leases.lease = undefined;
    await clock.advance(6_000);
    expect(a.election.isLeader()).toBe(true);
    expect(holder()).toBe('a');
  });

  it.each([100, 700, 1_000, 1_700])(
    'leaves it to the leader to make a lease anew that somebody deleted (%s ms after a renewal)',
    async (afterMs) => {
      const a = candidate('a');
      await clock.advance(1_000);
      const b = candidate('b');
      await clock.advance(8_000 + afterMs);
      leases.lease = undefined;
      const endsAt = clock.now() + 20_000;
      for (; clock.now() < endsAt; await clock.advance(50)) {
        expect([a.election.isLeader(), b.election.isLeader()]).toEqual([true, false]);
      }
      expect(holder()).toBe('a');
      expect([a.roles, b.roles]).toEqual([['standby', 'leading'], ['standby']]);
    },
  );

  it('takes over when the leader crashed and its lease was deleted, once a lease duration is over', async () => {
    const a = candidate('a');
    await clock.advance(1_000);
    const b = candidate('b');
    await clock.advance(1_000);
    a.link.up = false;
    leases.lease = undefined;
    const deletedAt = clock.now();
    for (; !b.election.isLeader(); await clock.advance(50)) {
      expect(clock.now() - deletedAt).toBeLessThanOrEqual(17_000);
    }
    expect(clock.now() - deletedAt).toBeGreaterThanOrEqual(15_000);
    expect(a.election.isLeader()).toBe(false);
  });

  it('does not make a lease anew when it could not see for long who held the one that was deleted', async () => {
    const a = candidate('a');
    await clock.advance(0);
    const b = candidate('b');
    await clock.advance(1_000);
    b.link.up = false;
    await clock.advance(60_000);
    const endsAt = clock.now() + 10_000;
    leases.lease = undefined;
    b.link.up = true;
    for (; clock.now() < endsAt; await clock.advance(50)) {
      expect([a.election.isLeader(), b.election.isLeader()]).toEqual([true, false]);
    }
  });

  it('steps down when somebody else wrote his name into it', async () => {
    const a = candidate('a');
    await clock.advance(0);
    const { lease } = leases;
    leases.lease = { ...lease!, metadata: { resourceVersion: 'x' }, spec: { ...lease!.spec, holderIdentity: 'thief' } };
    await clock.advance(4_000);
    expect(a.election.isLeader()).toBe(false);
    expect(a.roles).toEqual(['standby', 'leading', 'standby']);
  });

  it('never has two leaders, with random cuts and deletions of the lease', async () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const three = ['a', 'b', 'c'].map((identity) => candidate(identity));
    await clock.advance(5_000);
    let madeAt = 0;
    for (let step = 0; step < 1_500; step += 1) {
      if (random() < 0.02) for (const { link } of three) link.up = random() < 0.6;
      // Nobody can know of one that was made and deleted between two looks.
      if (random() < 0.02 && clock.now() - madeAt > 5_000) leases.lease = undefined;
      if (leases.lease === undefined) madeAt = clock.now();
      await clock.advance(Math.round(random() * 500));
      expect(three.filter(({ election }) => election.isLeader()).length).toBeLessThanOrEqual(1);
    }
    for (const { link } of three) link.up = true;
    await clock.advance(20_000);
    expect(three.filter(({ election }) => election.isLeader())).toHaveLength(1);
  });

  it('refuses timings under which two could lead', () => {
    const options = { client: leases.client(), namespace: 'n', name: 'l', identity: 'a', logger: new MemoryLogger() };
    expect(() => electLeader({ ...options, timings: { renewDeadlineMs: 15_000 } })).toThrow(RangeError);
  });
});
