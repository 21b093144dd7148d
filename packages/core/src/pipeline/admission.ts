import type { CheckpointEntry } from '../checkpoint/entry.js';
import type { RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import type { CoalesceWindow, TriggerEvent } from '../contract/events.js';
import { Coalescing } from './coalescing.js';
import { conclude } from './conclude.js';
import { idleReasons } from './idle-reasons.js';
import { eventOf } from './event-of.js';
import type { Decide, Decision } from './gates.js';
import type { Mailbox } from './mailbox.js';
import type { Observation } from './observation.js';
import type { ActionRunner } from './run-actions.js';
import { LONGEST_WAIT_MS } from './wait.js';

/** For a filter that defers to a time that is over. */
const LEAST_DEFERRAL_MS = 1000;

export interface AdmissionOptions {
  readonly checkpoint: RuleCheckpoint;
  readonly runner: ActionRunner;
  readonly decide: Decide;
  readonly coalesce: CoalesceWindow;
  /** The rule is ending: what is still being asked leads to nothing. */
  readonly closing: () => boolean;
}

/** A state that waits in its mailbox, and what the checkpoint has of its key. */
export interface Candidate {
  readonly box: Mailbox;
  readonly observation: Observation;
  readonly before: CheckpointEntry | undefined;
}

/** Milliseconds to wait before asking again; undefined: it is dealt with, or something newer took its place. */
export type Answer = 'pass' | number | undefined;

/**
 * Decides whether a state may begin: the source's gate, then the filters, then what else of the rule is to begin with it, then whether any
 * action has something to do.
 */
export class Admission {
  /** Made for the first change that is to be held. */
  #coalescing: Coalescing | undefined;

  constructor(private readonly options: AdmissionOptions) {}

  /** At once, unless a filter looks at the object. What is dropped is settled. */
  ask(candidate: Candidate): Answer | Promise<Answer> {
    const { box, observation, before } = candidate;
    const { closing, decide, runner } = this.options;
    const event = eventOf(observation, before, {
      ruleUid: runner.rule.uid,
      sequence: before?.sequence ?? 0,
      waitingSinceMs: box.sinceMs,
    });
    const turn = this.#coalescing?.turnOf(box, observation.revision);
    if (turn === 'wait') return LONGEST_WAIT_MS;
    if (turn === 'begin') return this.#unlessIdle(candidate, event);
    const answer = decide(observation, event);
    if (!(answer instanceof Promise)) return this.#heed(candidate, event, answer);
    // An object took a while to read: a newer state, or the end, may have come meanwhile.
    const isOver = () => box.head !== observation || closing();
    return answer.then((decision) => (isOver() ? undefined : this.#heed(candidate, event, decision)));
  }

  /** The mailbox has nothing any more that may begin. */
  forget(box: Mailbox): void {
    this.#coalescing?.forget(box);
  }

  #heed(candidate: Candidate, event: TriggerEvent, decision: Decision): Answer {
    const { checkpoint, coalesce, runner } = this.options;
    const { box, observation, before } = candidate;
    if ('gate' in decision && 'deferUntilMs' in decision.verdict) {
      this.#coalescing?.forget(box);
      const { deferUntilMs: untilMs, because } = decision.verdict;
      runner.report({ type: 'verdict', event, gate: decision.gate, verdict: 'defer', because, untilMs });
      const waitMs = untilMs - runner.scheduler.now();
      return waitMs > 0 ? waitMs : LEAST_DEFERRAL_MS;
    }
    // A delivery that began is always brought to an end: some targets may have its state already.
    if ('gate' in decision && 'drop' in decision.verdict && before?.begun === undefined) {
      runner.report({ type: 'verdict', event, gate: decision.gate, verdict: 'drop', because: decision.verdict.drop });
      checkpoint.drop(observation);
      conclude(runner, box, observation, { event, outcome: 'dropped', actions: [] });
      return undefined;
    }
    if (before?.begun?.revision === observation.revision) {
      // A newer state that was held is taken back. This one may be tried for ever: nothing else is to wait for it.
      this.#coalescing?.forget(box);
      return 'pass';
    }
    const window = 'window' in decision ? decision.window : coalesce;
    if (window.quietMs > 0) this.#coalescing ??= new Coalescing(runner.scheduler);
    const held = this.#coalescing?.hold(box, observation.revision, window);
    if (held === undefined) return this.#unlessIdle(candidate, event);
    if (held.isNew) runner.report({ type: 'verdict', event, gate: 'coalesce', verdict: 'defer', ...held });
    return LONGEST_WAIT_MS;
  }

  #unlessIdle({ box, observation, before }: Candidate, event: TriggerEvent): Answer {
    const { checkpoint, runner } = this.options;
    if (observation.manual !== undefined || before?.begun !== undefined) return 'pass';
    const reasons = idleReasons(runner, event);
    if (reasons === undefined) return 'pass';
    for (const said of reasons) runner.report({ type: 'verdict', event, verdict: 'drop', ...said });
    checkpoint.settleUntouched(observation);
    conclude(runner, box, observation, { event, outcome: 'dropped', actions: [] });
    return undefined;
  }
}
