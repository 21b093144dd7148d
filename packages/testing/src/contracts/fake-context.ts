import type {
  ActionContext,
  Logger,
  Recollection,
  RuleIdentity,
  SourceContext,
  Delivery,
  TriggerEvent,
} from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  /** Those of the logger's parents included. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Keeps what was logged, by its children too. */
export class RecordingLogger implements Logger {
  constructor(
    readonly lines: LogLine[] = [],
    private readonly facts: object = {},
  ) {}

  trace = (facts: object, message: string) => this.#add('trace', facts, message);
  debug = (facts: object, message: string) => this.#add('debug', facts, message);
  info = (facts: object, message: string) => this.#add('info', facts, message);
  warn = (facts: object, message: string) => this.#add('warn', facts, message);
  error = (facts: object, message: string) => this.#add('error', facts, message);

  child(facts: object): RecordingLogger {
    return new RecordingLogger(this.lines, { ...this.facts, ...facts });
  }

  #add(level: LogLevel, facts: object, message: string): void {
    this.lines.push({ level, message, facts: { ...this.facts, ...facts } });
  }
}

export interface FakeContext extends SourceContext, ActionContext {
  readonly logger: RecordingLogger;
  readonly scheduler: VirtualClock;
}

export interface FakeContextOptions {
  /** Default: `shop/example`. */
  readonly rule?: Partial<RuleIdentity> | undefined;
  /** Default: a clock that stands still, at 2026-01-01T00:00:00Z. */
  readonly scheduler?: VirtualClock | undefined;
  /** Default: always 0.5. */
  readonly random?: (() => number) | undefined;
  /** Default: never aborted. */
  readonly signal?: AbortSignal | undefined;
  /** What the checkpoint knows, by key. Default: nothing. */
  readonly settled?: Readonly<Record<string, string>> | undefined;
  /** What it knows of keys that were said with a mark. Default: nothing. */
  readonly recalled?: Readonly<Record<string, Recollection>> | undefined;
}

/** What a source, filter or action gets from the host, with everything owned by the test. */
export function fakeContext(options: FakeContextOptions = {}): FakeContext {
  const { settled = {}, recalled = {} } = options;
  return {
    rule: { namespace: 'shop', name: 'example', uid: '00000000-0000-4000-8000-000000000000', ...options.rule },
    logger: new RecordingLogger(),
    scheduler: options.scheduler ?? new VirtualClock(),
    random: options.random ?? (() => 0.5),
    signal: options.signal ?? new AbortController().signal,
    settledRevision: (key) => (Object.hasOwn(settled, key) ? settled[key] : undefined),
    recall: (key) => (Object.hasOwn(recalled, key) ? recalled[key] : undefined),
  };
}

/** An update of `ConfigMap/shop/app-config`, unless told otherwise. */
export function fakeEvent(event: Partial<TriggerEvent> = {}): TriggerEvent {
  const observedAtMs = Date.UTC(2026, 0, 1);
  return {
    id: 'event-1',
    source: 'configMap[0]',
    key: 'ConfigMap/shop/app-config',
    revision: 'revision-1',
    change: 'updated',
    changedKeys: ['app.conf'],
    observedAtMs,
    waitingSinceMs: observedAtMs,
    ...event,
  };
}

/** The first attempt at `fakeEvent()` with the combined revision `combined-1`, unless told otherwise. */
export function fakeDelivery(delivery: Partial<Delivery> = {}): Delivery {
  const event = delivery.event ?? fakeEvent();
  return { event, revision: 'combined-1', id: event.id, attempt: 1, redelivered: false, ...delivery };
}
