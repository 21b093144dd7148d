import type { Logger } from '@kube-trigger/core';
import type { Observable, SchedulerLike, Subscription } from 'rxjs';
import {
  createKubeClient,
  staticAuth,
  WELL_KNOWN,
  type KubeAuth,
  type KubeClient,
  type KubeObject,
  type KubeTimings,
  type WatchEvent,
  type WatchScope,
} from '../../src/index.js';

/** Collects what is logged. */
export class MemoryLogger implements Logger {
  readonly lines: { readonly level: string; readonly message: string; readonly facts: object }[] = [];
  trace = this.#at('trace');
  debug = this.#at('debug');
  info = this.#at('info');
  warn = this.#at('warn');
  error = this.#at('error');

  child(): Logger {
    return this;
  }

  count(level: string): number {
    return this.lines.filter((line) => line.level === level).length;
  }

  #at(level: string) {
    return (facts: object, message: string): void => void this.lines.push({ level, message, facts });
  }
}

/** Everything that takes seconds in production, about a hundred times faster. */
export const FAST = {
  connectTimeoutMs: 500,
  answerTimeoutMs: 300,
  probeAfterMs: 200,
  probeTimeoutMs: 100,
  probeSeconds: 1,
  probeGraceMs: 100,
  confirmAfterMs: 100,
  settledAfterMs: 150,
  backoffBaseMs: 20,
  backoffCapMs: 400,
  forbiddenRetryMs: [300, 400],
  missingKindRetryMs: [100, 150],
  interruptedAfterMs: 150,
} as const satisfies Partial<KubeTimings>;

export interface TestClient extends AsyncDisposable {
  readonly client: KubeClient;
  readonly logger: MemoryLogger;
}

export function testClient(
  server: string,
  options: {
    timings?: Partial<KubeTimings>;
    auth?: KubeAuth;
    random?: () => number;
    pageSize?: number;
    scheduler?: SchedulerLike;
  } = {},
): TestClient {
  const logger = new MemoryLogger();
  const client = createKubeClient({
    auth: options.auth ?? staticAuth({ server }),
    logger,
    timings: { ...FAST, ...options.timings },
    ...(options.random === undefined ? {} : { random: options.random }),
    ...(options.scheduler === undefined ? {} : { scheduler: options.scheduler }),
    ...(options.pageSize === undefined ? {} : { pageSize: options.pageSize }),
  });
  return { client, logger, [Symbol.asyncDispose]: () => client.close() };
}

/** A scope whose values are the joined data of a ConfigMap. */
export function configMaps(overrides: Partial<WatchScope<string>> = {}): WatchScope<string> {
  return {
    resource: WELL_KNOWN.ConfigMap,
    namespace: 'shop',
    project: { id: 'data', of: (object) => Object.values(dataOf(object)).join(',') },
    ...overrides,
  };
}

export function dataOf(object: KubeObject): Record<string, string> {
  return (object as { data?: Record<string, string> }).data ?? {};
}

/** What a watch said, in short: `+name@version=value`, `-name`, `synced`, `!CODE`. */
export class Tape implements Disposable {
  readonly said: string[] = [];
  readonly at: number[] = [];
  ended = false;
  readonly #subscription: Subscription;

  constructor(watch: Observable<WatchEvent<unknown>>, onEvent: (event: WatchEvent<unknown>) => void = () => undefined) {
    const end = (): void => void (this.ended = true);
    this.#subscription = watch.subscribe({
      next: (event) => {
        this.said.push(short(event));
        this.at.push(performance.now());
        onEvent(event);
      },
      error: end,
      complete: end,
    });
  }

  get text(): string {
    return this.said.join(' ');
  }

  /** Resolves when `wanted` was said (again, after `from` events). */
  async hears(wanted: string, { from = 0, withinMs = 5_000 } = {}): Promise<void> {
    await eventually(
      () => this.said.slice(from).includes(wanted),
      withinMs,
      () => `${wanted} in: ${this.text}`,
    );
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

function short(event: WatchEvent<unknown>): string {
  switch (event.type) {
    case 'present':
      return `+${event.name}@${event.resourceVersion}=${String(event.value)}`;
    case 'absent':
      return `-${event.name}`;
    case 'interrupted':
      return `!${event.error.code}`;
    default:
      return event.type;
  }
}

/** Waits for a state, with a deadline; fails with what was wanted. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  withinMs = 5_000,
  describe: () => string = () => condition.toString(),
): Promise<void> {
  const endsAt = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > endsAt) throw new Error(`not within ${withinMs} ms: ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A stretch of real time, for showing that something does not happen in it. */
export async function pass(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
