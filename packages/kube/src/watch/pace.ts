import type { TriggerError } from '@kube-trigger/core';
import type { KubeTimings } from '../timings.js';
import { between } from '../time.js';

/**
 * How long to wait before the next attempt. Exponential with full jitter above a floor of a quarter (so that an unlucky draw cannot
 * hammer a server that is down), capped; the exponent falls back to the start only after a watch that lived for a while, so that a
 * server which closes every watch at once is treated as one that fails.
 */
export class Pace {
  #failures = 0;
  #expired = false;

  constructor(
    private readonly timings: KubeTimings,
    private readonly random: () => number,
  ) {}

  get failures(): number {
    return this.#failures;
  }

  /** After a watch that ended, cleanly or not, `livedMs` after it was established. */
  ended(livedMs: number, error?: TriggerError): number {
    if (livedMs < this.timings.settledAfterMs) return this.failed(error);
    this.#failures = 0;
    this.#expired = false;
    return Math.max(this.#jittered(), asked(error));
  }

  failed(error?: TriggerError): number {
    // After an outage this is the first answer of a server that is back: what it asks for is a list, and soon. Once.
    if (error?.code === 'KT_KUBE_EXPIRED' && !this.#expired) {
      this.#expired = true;
      return between([this.timings.backoffBaseMs / 4, this.timings.backoffBaseMs], this.random);
    }
    this.#failures += 1;
    if (error?.code === 'KT_KUBE_FORBIDDEN') return between(this.timings.forbiddenRetryMs, this.random);
    if (error?.code === 'KT_KUBE_NOT_FOUND') return between(this.timings.missingKindRetryMs, this.random);
    const afterMs = asked(error);
    // Those who were told the same time do not come back in the same moment.
    return afterMs === 0 ? this.#jittered() : Math.max(this.#jittered(), afterMs * (1 + this.random() / 10));
  }

  #jittered(): number {
    const { backoffBaseMs, backoffCapMs } = this.timings;
    const cap = Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(this.#failures, 20));
    return between([cap / 4, cap], this.random);
  }
}

function asked(error: TriggerError | undefined): number {
  return typeof error?.retry === 'object' ? error.retry.afterMs : 0;
}
