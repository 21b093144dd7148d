import type { Lane } from '../background.js';
import { fullJitter, isTriggerError, type Logger, type RuleIdentity, sleep, toTriggerError } from '@kube-trigger/core';
import { hash } from 'node:crypto';
import type { KubeClient } from '@kube-trigger/kube';
import type { SchedulerLike } from 'rxjs';
import { TRIGGER_RULE } from '../api/resources.js';
import type { RuleStatus, TriggerRule } from './trigger-rule.js';

/** What the writers of all rules share. */
export interface StatusWriting {
  readonly kube: KubeClient;
  /** Where its requests wait for their turn. */
  readonly lane: Lane;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly logger: Logger;
  readonly mayWrite: () => boolean;
}

const MIN_INTERVAL_MS = 1000;
const RETRY = { initialDelayMs: 1000, maxDelayMs: 60_000 };

/** Writes a rule's status behind its back: the latest one only, in its turn, at most once a second, and not when nothing changed. */
export class StatusWriter {
  readonly #rule: RuleIdentity;
  #closed = false;
  /** Of the waits of what is running. */
  #enough: AbortController | undefined;
  #latest: (() => RuleStatus) | undefined;
  /** Its digest: the status of each of thousands of rules is kept by others already. */
  #written: string;
  #running: Promise<void> | undefined;

  constructor(
    { namespace, name, uid, status }: TriggerRule,
    private readonly writing: StatusWriting,
  ) {
    this.#rule = { namespace, name, uid };
    this.#written = digestOf(status);
  }

  /** `status` is asked when it is written: of a burst of news once. */
  put(status: () => RuleStatus): void {
    this.#latest = status;
    this.#running ??= this.#run();
  }

  /** Writes what is left, without waiting for a turn, and ends. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#enough?.abort();
    await this.#running;
    await this.#write();
  }

  async #run(): Promise<void> {
    const { lane, random, scheduler } = this.writing;
    const { signal } = (this.#enough = new AbortController());
    // The first news of a burst is rarely the last.
    await sleep(0, scheduler, signal);
    let failures = 0;
    while (!this.#closed) {
      const done = await lane.run(() => this.#write(), signal);
      if (done === undefined || done === 'nothing') break;
      failures = done === 'written' ? 0 : failures + 1;
      const delayMs = failures === 0 ? MIN_INTERVAL_MS : fullJitter(failures, RETRY, random);
      await sleep(delayMs, scheduler, signal);
    }
    this.#enough = undefined;
    this.#running = undefined;
  }

  async #write(): Promise<'nothing' | 'written' | 'failed'> {
    const { kube, logger, mayWrite } = this.writing;
    const { namespace, name, uid } = this.#rule;
    const status = this.#latest?.();
    if (status === undefined) return 'nothing';
    const attempted = digestOf(status);
    if (attempted === this.#written) return 'nothing';
    if (!mayWrite()) return 'failed';
    try {
      const ref = { resource: TRIGGER_RULE, namespace, name };
      // The uid makes the patch miss a rule that was deleted and made again under the same name.
      const body = { metadata: { uid }, status };
      await kube.patch(ref, body, { type: 'merge', subresource: 'status', background: true, as: 'metadata' });
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

/** Of a status as the API server stores it: without the fields that a `null` clears, in whatever order. */
function digestOf(status: RuleStatus): string {
  return hash('sha256', JSON.stringify(status, withoutOrder), 'base64url');
}

function withoutOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  if (Array.isArray(value)) return value as unknown[];
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
