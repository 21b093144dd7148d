import { randomBytes } from 'node:crypto';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { InjectionToken } from 'tsyringe';
import { isTriggerError, type Logger } from '@kube-trigger/core';
import type { KubeClient } from '../client.js';
import { sleep } from '../time.js';
import { WELL_KNOWN } from '../well-known.js';
import { TokenBuckets } from './token-buckets.js';

export interface EventRecorderOptions {
  /** Shown as the event's source, e.g. `kube-trigger`. */
  readonly component: string;
  /** This process, e.g. the pod's name. */
  readonly instance: string;
  readonly logger: Logger;
  readonly scheduler?: SchedulerLike | undefined;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly monotonicMs?: (() => number) | undefined;
  /** Runs each request when it thinks fit. Default: at once. */
  readonly run?: ((request: () => Promise<void>) => Promise<unknown>) | undefined;
}

/** The object that an event is about. An event of a cluster-scoped object is written to namespace `default`, as kubectl expects. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
}

export interface EventNote {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  /** UpperCamelCase; at most 128 characters. */
  readonly reason: string;
  /** For people; cut at 1 KiB. Never a Secret's value. */
  readonly message: string;
}

export interface EventRecorder {
  /** Never throws, never blocks. Over the limits the note is dropped and counted. */
  record(note: EventNote): void;
  /** Resolves when everything that was recorded so far is written or given up, at the latest after `timeoutMs` (default 2,000). */
  drain(timeoutMs?: number): Promise<void>;
  readonly dropped: number;
}

export const EventRecorderToken: InjectionToken<EventRecorder> = Symbol.for('kube-trigger.EventRecorder');

/** An equal note within this time counts the existing Event up. */
const REPEAT_MS = 600_000;
/** client-go's spam filter: 25 at once, then one in five minutes, per object. */
const BURST = 25;
const REFILL_MS = 300_000;
const MAX_KEYS = 4_096;
/** A roll of so many workloads may wait for its turn behind deliveries; some 2 MiB. */
const MAX_PENDING = 4_096;
const MAX_MESSAGE_BYTES = 1_024;
const ATTEMPTS = 3;

interface Series {
  readonly note: EventNote;
  readonly namespace: string;
  readonly firstAt: string;
  /** Chosen once, so that a create which is repeated after a lost answer makes no second Event. */
  readonly name: string;
  created: boolean;
  lastAt: string;
  lastSeen: number;
  count: number;
}

/**
 * Writes `core/v1` Events, which every kubectl shows in `describe`. Notes of one series (object, type, reason, message) that come while
 * an earlier one is being written are written together; one request is under way at a time.
 */
export function createEventRecorder(client: KubeClient, options: EventRecorderOptions): EventRecorder {
  return new Recorder(client, options);
}

class Recorder implements EventRecorder {
  readonly #series = new Map<string, Series>();
  readonly #pending = new Set<Series>();
  readonly #buckets: TokenBuckets;
  readonly #now: () => number;
  readonly #scheduler: SchedulerLike;
  readonly #run: (request: () => Promise<void>) => Promise<unknown>;
  readonly #warned = new Set<string>();
  #working: Promise<void> | undefined;
  dropped = 0;

  constructor(
    private readonly client: KubeClient,
    private readonly options: EventRecorderOptions,
  ) {
    this.#now = options.monotonicMs ?? (() => performance.now());
    this.#scheduler = options.scheduler ?? asyncScheduler;
    this.#run = options.run ?? ((request) => request());
    this.#buckets = new TokenBuckets({ burst: BURST, refillMs: REFILL_MS, maxKeys: MAX_KEYS, now: this.#now });
  }

  record(note: EventNote): void {
    const { namespace = '', name, uid } = note.regarding;
    if (this.#pending.size >= MAX_PENDING || !this.#buckets.take(`${uid}/${namespace}/${name}`)) {
      this.dropped += 1;
      return;
    }
    const series = this.#seriesOf({ ...note, message: cut(note.message) });
    series.count += 1;
    series.lastAt = timestamp();
    series.lastSeen = this.#now();
    this.#pending.add(series);
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  async drain(timeoutMs = 2_000): Promise<void> {
    const giveUp = new AbortController();
    const timer = sleep(timeoutMs, this.#scheduler, giveUp.signal).catch(() => undefined);
    await Promise.race([this.#working, timer]);
    giveUp.abort();
  }

  #seriesOf(note: EventNote): Series {
    const { uid, namespace, name } = note.regarding;
    const key = JSON.stringify([uid, namespace, name, note.type, note.reason, note.message]);
    const known = this.#series.get(key);
    this.#series.delete(key);
    const fresh = known !== undefined && this.#now() - known.lastSeen < REPEAT_MS;
    const series = fresh ? known : newSeries(note, this.#now());
    this.#series.set(key, series);
    const oldest = this.#series.keys().next().value;
    if (this.#series.size > MAX_KEYS && oldest !== undefined) this.#series.delete(oldest);
    return series;
  }

  async #work(): Promise<void> {
    // Not in the caller's stack: `record` returns before the first request is made.
    await Promise.resolve();
    for (let series = first(this.#pending); series !== undefined; series = first(this.#pending)) {
      this.#pending.delete(series);
      await this.#write(series);
    }
  }

  async #write(series: Series): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#run(() => (series.created ? this.#countUp(series) : this.#create(series)));
        return;
      } catch (error) {
        const code = isTriggerError(error) ? error.code : 'unexpected';
        const passing = code === 'KT_KUBE_UNREACHABLE' || code === 'KT_KUBE_SERVER_ERROR';
        if (attempt >= ATTEMPTS || !passing) return this.#giveUp(code, error);
        await sleep(1_000 * attempt, this.#scheduler);
      }
    }
  }

  async #create(series: Series): Promise<void> {
    const { regarding, type, reason, message } = series.note;
    const { component, instance } = this.options;
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: series.name, namespace: series.namespace },
      involvedObject: regarding,
      type,
      reason: reason.slice(0, 128),
      message,
      count: series.count,
      firstTimestamp: series.firstAt,
      lastTimestamp: series.lastAt,
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance.slice(0, 128),
    };
    try {
      await this.client.create(WELL_KNOWN.Event, series.namespace, event, { background: true, as: 'metadata' });
    } catch (error) {
      if (!isTriggerError(error) || error.code !== 'KT_KUBE_CONFLICT') throw error;
    }
    series.created = true;
  }

  async #countUp(series: Series): Promise<void> {
    const ref = { resource: WELL_KNOWN.Event, namespace: series.namespace, name: series.name };
    try {
      await this.client.patch(
        ref,
        { count: series.count, lastTimestamp: series.lastAt },
        { type: 'merge', background: true, as: 'metadata' },
      );
    } catch (error) {
      // Events live for an hour; somebody may delete them sooner.
      if (!isTriggerError(error) || error.code !== 'KT_KUBE_NOT_FOUND') throw error;
      await this.#create(series);
    }
  }

  #giveUp(code: string, error: unknown): void {
    this.dropped += 1;
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    const message = error instanceof Error ? error.message : 'unknown';
    this.options.logger.warn({ code, error: message }, 'an Event could not be written; further ones are not reported');
  }
}

function newSeries(note: EventNote, now: number): Series {
  const at = timestamp();
  const namespace = note.regarding.namespace ?? '';
  return {
    note,
    namespace: namespace === '' ? 'default' : namespace,
    firstAt: at,
    lastAt: at,
    lastSeen: now,
    name: `${note.regarding.name.slice(0, 230)}.${randomBytes(8).toString('hex')}`,
    created: false,
    count: 0,
  };
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  return set.values().next().value;
}

/** RFC 3339 in whole seconds: `metav1.Time`. */
function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

/** At most 1 KiB of UTF-8, without cutting a character in two. */
function cut(message: string): string {
  const bytes = Buffer.from(message, 'utf8');
  if (bytes.length <= MAX_MESSAGE_BYTES) return message;
  const mark = '…';
  let end = MAX_MESSAGE_BYTES - Buffer.byteLength(mark);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + mark;
}
