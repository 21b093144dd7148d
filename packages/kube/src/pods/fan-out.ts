import {
  type ActionResult,
  type Delivery,
  isTriggerError,
  type RetryHint,
  type TargetResult,
  TriggerError,
} from '@kube-trigger/core';
import { Answered } from './answered.js';
import { each } from './each.js';

export interface FanOutTarget {
  /** Tells it from its successors of the same name: a pod's uid. */
  readonly id: string;
  /** How results and messages name it: `Pod/shop/web-0`. */
  readonly name: string;
}

export interface FanOutWords {
  /** The code of the error that says that some of several pods failed. */
  readonly podsFailed: string;
  /** Begins the message of a target that is not asked again: `ran in an earlier attempt`. */
  readonly doneBefore: string;
}

interface Round<T> {
  readonly targets: readonly T[];
  /** How many are asked at the same time. */
  readonly parallelism: number;
  readonly delivery: Delivery;
  readonly signal: AbortSignal;
}

type Outcome = { readonly result: TargetResult } | Failed;

interface Failed {
  readonly name: string;
  readonly error: TriggerError;
}

/**
 * Asks each of several targets and gives one answer for all. One that accepted, or that no repetition can help, is not asked again for
 * the same delivery as long as this object lives.
 */
export class FanOut {
  readonly #answered = new Answered();

  constructor(private readonly words: FanOutWords) {}

  /**
   * `ask` resolves with what the target answered, or rejects with a `TriggerError`. Any other rejection, and the first one after the
   * signal was aborted, passes through. When some fail this rejects once for all, with the most hopeful hint.
   */
  async run<T extends FanOutTarget>(round: Round<T>, ask: (target: T) => Promise<string>): Promise<ActionResult> {
    const { targets, parallelism, delivery } = round;
    const outcomes = await each(targets, parallelism, (target) => this.#outcome(target, round, ask));
    const isOver = outcomes.every((outcome) => 'result' in outcome || outcome.error.retry === 'never');
    if (isOver) this.#answered.forget(delivery.id);
    return this.#conclude(outcomes);
  }

  async #outcome<T extends FanOutTarget>(
    target: T,
    { delivery, signal }: Round<T>,
    ask: (target: T) => Promise<string>,
  ): Promise<Outcome> {
    const { id, name } = target;
    const before = this.#answered.get(delivery.id, id);
    if (before !== undefined) {
      if ('rejected' in before) return { name, error: before.rejected };
      const message = `${this.words.doneBefore}: ${before.accepted}`;
      return { result: { target: name, outcome: 'unchanged', message } };
    }
    try {
      const accepted = await ask(target);
      this.#answered.set(delivery.id, id, { accepted });
      return { result: { target: name, outcome: 'done', message: accepted } };
    } catch (thrown) {
      signal.throwIfAborted();
      if (!isTriggerError(thrown)) throw thrown;
      if (thrown.retry === 'never') this.#answered.set(delivery.id, id, { rejected: thrown });
      return { name, error: thrown };
    }
  }

  #conclude(outcomes: readonly Outcome[]): ActionResult {
    const failed = outcomes.filter((outcome) => 'error' in outcome);
    const targets = outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : []));
    const [first] = failed;
    if (first === undefined)
      return { outcome: targets.some(({ outcome }) => outcome === 'done') ? 'done' : 'unchanged', targets };
    throw outcomes.length === 1 ? named(first) : severalFailed(this.words.podsFailed, failed, outcomes.length);
  }
}

/** Made without the cause: that of a socket or a parser may hold what was sent and answered. */
function named({ name, error: { code, message, retry, fix, facts } }: Failed): TriggerError {
  return new TriggerError(code, `${name} ${message}`, { retry, facts, ...(fix === undefined ? {} : { fix }) });
}

const SHOWN = 3;

function severalFailed(code: string, failed: readonly Failed[], of: number): TriggerError {
  const shown = failed.slice(0, SHOWN).map(({ name, error }) => `${name} ${error.message}`);
  const more = failed.length > SHOWN ? `; and ${failed.length - SHOWN} more` : '';
  return new TriggerError(code, `${failed.length} of ${of} pods failed: ${shown.join('; ')}${more}`, {
    retry: hintOf(failed.map(({ error }) => error.retry)),
    fix: failed[0]?.error.fix ?? 'See the pods',
    facts: { failed: failed.length, pods: of },
  });
}

/** The longest wait that was asked for; else backoff if a repetition can help any of them. */
function hintOf(hints: readonly RetryHint[]): RetryHint {
  const waits = hints.flatMap((hint) => (typeof hint === 'object' ? [hint.afterMs] : []));
  if (waits.length > 0) return { afterMs: Math.max(...waits) };
  return hints.includes('backoff') ? 'backoff' : 'never';
}
