import { asyncScheduler, BehaviorSubject, distinctUntilChanged, type Observable, type SchedulerLike } from 'rxjs';
import { isTriggerError, type Logger, toTriggerError, TriggerError } from '@kube-trigger/core';
import type { KubeClient } from '../client.js';
import type { ObjectRef } from '../model.js';
import { sleep } from '../time.js';
import { WELL_KNOWN } from '../well-known.js';
import { firstLease, heldBy, isFree, recordOf, released, type Lease } from './record.js';

export interface LeaderTimings {
  /** A record that did not change for this long may be taken over. Default 15,000. */
  readonly leaseDurationMs: number;
  /** A leader that could not renew for this long stops leading. Less than the lease, so that running work has time. Default 10,000. */
  readonly renewDeadlineMs: number;
  /** Between renewals and between looks. Default 2,000. */
  readonly retryPeriodMs: number;
}

export interface LeaderOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process, e.g. the pod's name and a random suffix. */
  readonly identity: string;
  readonly logger: Logger;
  readonly scheduler?: SchedulerLike | undefined;
  /** Milliseconds of a clock that never jumps and runs on while the process is stopped; default `performance.now`. */
  readonly monotonicMs?: (() => number) | undefined;
  /** The wall clock: written into the Lease for people, and read to notice that the machine slept. Default `Date.now`. */
  readonly wallMs?: (() => number) | undefined;
  readonly timings?: Partial<LeaderTimings> | undefined;
}

export type Role = 'leading' | 'standby';

export interface LeaderElection {
  /** The present role at once, then each change. Never errors; completes after `stop`. */
  readonly role: Observable<Role>;
  /**
   * The fence: ask before each act. Synchronous and by this process's own clock, so that one which was stopped for longer than the
   * renew deadline gets `false` in its first instruction after it, whatever timers did not run yet.
   */
  isLeader(): boolean;
  /** Why the Lease could not be read or written at the last try; undefined when it could. */
  readonly problem: TriggerError | undefined;
  /** Stops leading at once, then gives the lease back so that another takes over within a retry period. Idempotent. */
  stop(): Promise<void>;
}

const DEFAULTS: LeaderTimings = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/** Campaigns for a `coordination.k8s.io/v1` Lease from now until `stop`. */
export function electLeader(options: LeaderOptions): LeaderElection {
  const election = new Election(options);
  election.start();
  return election;
}

/**
 * Nobody compares times of two machines. A candidate measures, on its own clock, how long the record has not changed; a leader
 * measures, on its own, how long ago its last successful renewal was *sent*. The first limit is longer than the second, so clocks may
 * differ by any amount. Every write carries the resourceVersion that it was made from: of two takers one gets a conflict. A Lease that was
 * deleted tells nobody who led by it and may go on to: the leader makes it anew at once, others when it was not there for as long.
 */
class Election implements LeaderElection {
  readonly #roles = new BehaviorSubject<Role>('standby');
  readonly role = this.#roles.pipe(distinctUntilChanged());
  readonly #timings: LeaderTimings;
  readonly #scheduler: SchedulerLike;
  readonly #monotonic: () => number;
  readonly #wall: () => number;
  readonly #ref: ObjectRef;
  readonly #stopping = new AbortController();
  /** When the last successful renewal was sent; `undefined` while somebody else leads. */
  #renewed: { readonly monotonic: number; readonly wall: number } | undefined;
  #lease: Lease | undefined;
  /** The record as it was last seen to change: when, and how long it stands by its own word. */
  #observed: { readonly record: string; readonly at: number; readonly durationMs: number } | undefined;
  /** Since when every look found no Lease. */
  #missingSince: number | undefined;
  /** A write of this process may have reached the server, and nobody else was seen to hold the lease since. */
  #mayHold = false;
  #problem: TriggerError | undefined;
  #expiry: { unsubscribe(): void } | undefined;
  #campaign: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(private readonly options: LeaderOptions) {
    this.#timings = { ...DEFAULTS, ...options.timings };
    if (this.#timings.renewDeadlineMs >= this.#timings.leaseDurationMs) {
      throw new RangeError('renewDeadlineMs must be less than leaseDurationMs');
    }
    this.#scheduler = options.scheduler ?? asyncScheduler;
    this.#monotonic = options.monotonicMs ?? (() => performance.now());
    this.#wall = options.wallMs ?? (() => Date.now());
    this.#ref = { resource: WELL_KNOWN.Lease, namespace: options.namespace, name: options.name };
  }

  start(): void {
    this.#campaign = this.#run(this.#stopping.signal);
  }

  isLeader(): boolean {
    const renewed = this.#renewed;
    if (renewed === undefined) return false;
    // A machine that slept stops the monotonic clock but not the wall's. A wall clock set forward costs one early step-down.
    const age = Math.max(this.#monotonic() - renewed.monotonic, this.#wall() - renewed.wall);
    return age < this.#timings.renewDeadlineMs;
  }

  get problem(): TriggerError | undefined {
    return this.#problem;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.isLeader()) this.#stepDown();
      try {
        await this.#turn(signal);
        this.#problem = undefined;
      } catch (error) {
        if (signal.aborted) return;
        this.#lease = undefined;
        this.#note(this.#explained(toTriggerError(error)));
      }
      await sleep(this.#untilNextTurn(), this.#scheduler, signal).catch(() => undefined);
    }
  }

  /** A Lease that is not there is made, so what was not found is its namespace. */
  #explained(problem: TriggerError): TriggerError {
    const { code, message, retry, facts } = problem;
    if (code !== 'KT_KUBE_NOT_FOUND') return problem;
    const fix = `Create namespace ${this.options.namespace}, or name another one for the Lease`;
    return new TriggerError(code, message, { retry, facts, fix });
  }

  /** A conflict is how elections are lost. One line for a trouble, not one for every try. */
  #note(problem: TriggerError): void {
    if (problem.code === 'KT_KUBE_CONFLICT') return;
    const { code, message: error, fix } = problem;
    if (code !== this.#problem?.code) {
      const facts = { lease: `${this.options.namespace}/${this.options.name}`, code, error, ...(fix && { fix }) };
      this.options.logger.warn(facts, 'lease could not be read or written; trying again');
    }
    this.#problem = problem;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const lease = this.#renewed !== undefined && this.#lease !== undefined ? this.#lease : await this.#read(signal);
    if (!this.#mayTake(lease)) {
      this.#mayHold = false;
      if (this.#renewed !== undefined) this.#stepDown();
      return;
    }
    this.#mayHold = true;
    await this.#take(lease, signal);
  }

  async #read(signal: AbortSignal): Promise<Lease> {
    try {
      const lease = await this.options.client.get<Lease>(this.#ref, { signal, timeoutMs: this.#requestMs() });
      this.#observe(lease);
      return lease;
    } catch (error) {
      if (isTriggerError(error) && error.code === 'KT_KUBE_NOT_FOUND') {
        this.#missingSince ??= this.#monotonic();
        return firstLease(this.options.namespace, this.options.name);
      }
      this.#missingSince = undefined;
      throw error;
    }
  }

  #observe(lease: Lease): void {
    this.#missingSince = undefined;
    const record = recordOf(lease);
    if (this.#observed?.record === record) return;
    const seconds = lease.spec?.leaseDurationSeconds;
    const durationMs = typeof seconds === 'number' ? seconds * 1000 : this.#timings.leaseDurationMs;
    this.#observed = { record, at: this.#monotonic(), durationMs };
  }

  #mayTake(lease: Lease): boolean {
    if (this.#expiresInMs() <= 0) return true;
    // The first of all is made at once.
    if (this.#missingSince !== undefined) return this.#observed === undefined || this.isLeader();
    return isFree(lease) || lease.spec?.holderIdentity === this.options.identity;
  }

  #expiresInMs(): number {
    if (this.#missingSince !== undefined) return this.#missingSince + this.#timings.leaseDurationMs - this.#monotonic();
    const { at, durationMs } = this.#observed ?? { at: this.#monotonic(), durationMs: this.#timings.leaseDurationMs };
    return at + durationMs - this.#monotonic();
  }

  async #take(lease: Lease, signal: AbortSignal): Promise<void> {
    const sent = { monotonic: this.#monotonic(), wall: this.#wall() };
    const wanted = heldBy(lease, this.options.identity, {
      leaseDurationMs: this.#timings.leaseDurationMs,
      wallMs: sent.wall,
    });
    const options = { signal, timeoutMs: this.#requestMs() };
    const { client, namespace } = this.options;
    const stored =
      lease.metadata.resourceVersion === undefined
        ? await client.create<Lease>(WELL_KNOWN.Lease, namespace, wanted, options)
        : await client.update<Lease>(this.#ref, wanted, options);
    signal.throwIfAborted();
    this.#lease = stored;
    this.#renewed = sent;
    this.#observe(stored);
    this.#expiry?.unsubscribe();
    this.#expiry = this.#scheduler.schedule(() => this.#expire(), this.#timings.renewDeadlineMs);
    // The answer itself may have come too late.
    if (this.isLeader()) this.#announce('leading');
  }

  #expire(): void {
    if (!this.isLeader()) this.#stepDown();
  }

  #stepDown(): void {
    this.#renewed = undefined;
    this.#lease = undefined;
    this.#expiry?.unsubscribe();
    this.#announce('standby');
  }

  #announce(role: Role): void {
    if (this.#roles.value === role) return;
    this.options.logger.info(
      { identity: this.options.identity },
      role === 'leading' ? 'leading' : 'not leading any more',
    );
    this.#roles.next(role);
  }

  /** A little less than the period, so that a released lease is taken within it; sooner when the record is about to expire. */
  #untilNextTurn(): number {
    const periodMs = this.#timings.retryPeriodMs * 0.9;
    if (this.#renewed !== undefined) return periodMs;
    const leftMs = this.#expiresInMs();
    return leftMs > 0 ? Math.min(periodMs, leftMs + 1) : periodMs;
  }

  /** Half the deadline, so that a request which hangs leaves time for another. */
  #requestMs(): number {
    return this.#timings.renewDeadlineMs / 2;
  }

  async #stop(): Promise<void> {
    const lease = this.isLeader() ? this.#lease : undefined;
    this.#stopping.abort();
    this.#stepDown();
    await this.#campaign;
    if (this.#mayHold) await this.#release(lease);
    this.#roles.complete();
  }

  /** Without a read when the last version is known; a write that was under way at the stop makes one necessary. */
  async #release(lease: Lease | undefined): Promise<void> {
    const options = { timeoutMs: this.#timings.retryPeriodMs };
    const { client, identity, logger } = this.options;
    try {
      if (lease !== undefined && (await this.#releasedAt(lease))) return;
      const current = await client.get<Lease>(this.#ref, options);
      if (current.spec?.holderIdentity === identity)
        await client.update(this.#ref, released(current, this.#wall()), options);
    } catch (error) {
      const message = error instanceof Error ? error.message : 'unknown';
      logger.warn({ error: message }, 'lease not released; it will expire');
    }
  }

  async #releasedAt(lease: Lease): Promise<boolean> {
    try {
      await this.options.client.update(this.#ref, released(lease, this.#wall()), {
        timeoutMs: this.#timings.retryPeriodMs,
      });
      return true;
    } catch (error) {
      if (isTriggerError(error) && error.code === 'KT_KUBE_CONFLICT') return false;
      throw error;
    }
  }
}
