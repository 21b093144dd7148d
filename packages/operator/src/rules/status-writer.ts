import type { Lane } from '../background.js';
import { fullJitter, isTriggerError, type Logger, sleep, toTriggerError } from '@kube-trigger/core';
import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '@kube-trigger/kube';
import type { SchedulerLike } from 'rxjs';
import { TRIGGER_RULE } from '../api/resources.js';
import type { RuleStatus } from './trigger-rule.js';

export interface StatusWriterOptions {
  readonly kube: KubeClient;
  /** Where its requests wait for their turn. */
  readonly lane: Lane;
  readonly rule: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly status: RuleStatus;
  };
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly logger: Logger;
  readonly mayWrite: () => boolean;
}

const MIN_INTERVAL_MS = 1000;
const RETRY = { initialDelayMs: 1000, maxDelayMs: 60_000 };

/** Writes a rule's status behind its back: the latest one only, in its turn, at most once a second, and not when nothing changed. */
export class StatusWriter {
  readonly #closing = new AbortController();
  #latest: (() => RuleStatus) | undefined;
  #written: unknown;
  #running: Promise<void> | undefined;

  constructor(private readonly options: StatusWriterOptions) {
    this.#written = comparable(options.rule.status);
  }

  /** `status` is asked when it is written: of a burst of news once. */
  put(status: () => RuleStatus): void {
    this.#latest = status;
    this.#running ??= this.#run();
  }

  /** Writes what is left, without waiting for a turn, and ends. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#write();
  }

  async #run(): Promise<void> {
    // The first news of a burst is rarely the last.
    await sleep(0, this.options.scheduler, this.#closing.signal);
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      const done = await this.options.lane.run(() => this.#write(), this.#closing.signal);
      if (done === undefined || done === 'nothing') break;
      failures = done === 'written' ? 0 : failures + 1;
      const delayMs = failures === 0 ? MIN_INTERVAL_MS : fullJitter(failures, RETRY, this.options.random);
      await sleep(delayMs, this.options.scheduler, this.#closing.signal);
    }
    this.#running = undefined;
  }

  async #write(): Promise<'nothing' | 'written' | 'failed'> {
    const { kube, rule, logger } = this.options;
    const status = this.#latest?.();
    const attempted = comparable(status);
    if (status === undefined || isDeepStrictEqual(attempted, this.#written)) return 'nothing';
    if (!this.options.mayWrite()) return 'failed';
    try {
      const ref = { resource: TRIGGER_RULE, namespace: rule.namespace, name: rule.name };
      // The uid makes the patch miss a rule that was deleted and made again under the same name.
      const body = { metadata: { uid: rule.uid }, status };
      await kube.patch(ref, body, { type: 'merge', subresource: 'status', background: true });
      this.#written = attempted;
      return 'written';
    } catch (thrown) {
      const error = toTriggerError(thrown);
      const gone = isTriggerError(thrown) && ['KT_KUBE_NOT_FOUND', 'KT_KUBE_CONFLICT'].includes(error.code);
      if (gone) this.#written = attempted;
      else logger.warn({ code: error.code, error: error.message }, 'status not written');
      return gone ? 'written' : 'failed';
    }
  }
}

/** As the API server stores it: without the fields that a `null` clears. */
function comparable(status: RuleStatus | undefined): unknown {
  return status && (JSON.parse(JSON.stringify(status, (_, value: unknown) => value ?? undefined)) as unknown);
}
