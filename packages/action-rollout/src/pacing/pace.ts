import type { ActionContext, ActionResult, ActionWaiting, Delivery, TargetResult } from '@kube-trigger/core';
import { countOf } from '@kube-trigger/core';
import type { KubeClient, KubeObject } from '@kube-trigger/kube';
import { targetOf } from '../errors.js';
import type { Rollouts } from '../rollouts.js';
import type { Choice } from '../targets/choose.js';
import { HAS_REVISION } from '../targets/decide.js';
import { answerOf } from '../targets/fan-out.js';
import type { Target } from '../targets/target.js';
import type { Views } from '../targets/views.js';
import type { Pacing } from './config.js';
import type { Course, Deliveries } from './deliveries.js';
import { type Failure, type Failures, LOOK_EVERY_MS, type Rolling } from './failures.js';
import type { Standing } from './standing.js';
import { waveFailed } from './wave-failed.js';
import { wavesOf } from './waves.js';

/** The index tells when something moves; this is for what it does not tell. */
const LOOK_AGAIN_MS = 30_000;

export interface PaceParts {
  readonly kube: KubeClient;
  readonly pacing: Pacing;
  readonly delivery: Delivery;
  readonly context: ActionContext;
  readonly rollouts: Rollouts;
  readonly views: Views;
  readonly deliveries: Deliveries;
  readonly failures: Failures;
  readonly course: Course;
}

export interface Member {
  readonly target: Target;
  readonly standing: Standing;
}

export interface Wave {
  /** `wave 2 of 3: 4 of 10 done`; without waves only what comes after the colon. */
  readonly name: string;
  readonly members: readonly Member[];
  readonly rolling: readonly Rolling[];
  readonly due: readonly Member[];
}

interface Pause {
  readonly because: string;
  /** When to look again, however little happens. */
  readonly untilMs?: number | undefined;
  readonly moving?: readonly Target[];
}

/**
 * One look at a delivery in waves: begins as many rollouts as may begin now, and answers what it waits for. It keeps no state: who has the change,
 * since when, and how far each rollout is, stands on the targets.
 */
export class Pace {
  constructor(private readonly parts: PaceParts) {}

  async run(choice: Choice): Promise<ActionResult> {
    const { pacing, context } = this.parts;
    const waves = wavesOf(choice.targets, pacing.waves).map((targets, index, all) =>
      this.#wave(targets, pacing.waves === undefined ? '' : `wave ${index + 1} of ${all.length}: `),
    );
    this.parts.course.unfinished = namesOf(waves.flatMap(({ rolling }) => rolling));
    for (const [index, wave] of waves.entries()) {
      const passed = waves.slice(0, index + 1);
      const failed = await this.#failuresIn(wave);
      if (failed.length > 0 || wave.members.some(({ standing }) => standing.at === 'undone')) {
        throw await waveFailed(this.parts, { wave, failed, rolling: passed.flatMap(({ rolling }) => rolling), waves });
      }
      if (wave.due.length > 0) return this.#begin(wave, choice, waves);
      const pause = this.#pauseAfter(wave, waves.slice(index + 1));
      if (pause !== undefined) return this.#wait(choice, [], pause);
    }
    context.signal.throwIfAborted();
    this.parts.deliveries.end(this.parts.course);
    const found = choice.targets.map((target) => unchanged(target, this.parts.rollouts.standing(target)));
    return answerOf(choice, asTried(found));
  }

  #wave(targets: readonly Target[], name: string): Wave {
    const members = targets.map((target) => ({ target, standing: this.parts.rollouts.standing(target) }));
    const rolling = members.filter(isRolling);
    const due = members.filter(({ standing }) => standing.at === 'due');
    const undone = members.filter(({ standing }) => standing.at === 'undone').length;
    const done = members.length - rolling.length - due.length - undone;
    for (const { target } of members.filter((member) => !isRolling(member))) this.parts.failures.forget(target);
    return { name: `${name}${done} of ${members.length} done`, members, rolling, due };
  }

  #failuresIn({ rolling }: Wave): Promise<Failure[]> {
    const { kube, context, pacing, failures, rollouts } = this.parts;
    const isNew = (pod: KubeObject, { standing }: Rolling) =>
      rollouts.isRolledFor(pod) ?? Date.parse(pod.metadata.creationTimestamp ?? '') >= standing.sinceMs;
    return failures.among(rolling, { kube, context, deadlineSeconds: pacing.progressDeadlineSeconds, isNew });
  }

  async #begin(wave: Wave, choice: Choice, waves: readonly Wave[]): Promise<ActionResult> {
    const { pacing, context, rollouts, course } = this.parts;
    const nowMs = context.scheduler.now();
    const ready = wave.due.filter((member) => this.#dueAtMs(member) <= nowMs);
    const chosen = ready.slice(0, this.#places(choice, waves)).map(({ target }) => target);
    // Before anything is awaited: another key's delivery may look for a place meanwhile.
    course.unfinished = new Set([...course.unfinished, ...chosen.map(({ ref }) => targetOf(ref))]);
    const tried = await Promise.allSettled(chosen.map((target) => rollouts.bring(target)));
    context.signal.throwIfAborted();
    if (tried.some(({ status }) => status === 'rejected')) return answerOf(choice, tried);
    const results = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const [first] = ready.length > 0 ? [] : wave.due;
    if (first !== undefined) {
      const untilMs = Math.min(...wave.due.map((member) => this.#dueAtMs(member)));
      const because = `${wave.name}; ${targetOf(first.target.ref)} was rolled less than ${pacing.minIntervalSeconds} s ago`;
      return this.#wait(choice, results, { because, untilMs, moving: targetsOf(wave.rolling) });
    }
    const moving = [...chosen, ...waves.flatMap(({ rolling }) => targetsOf(rolling))];
    return this.#wait(choice, results, { because: waitingFor(wave, chosen, waves), moving });
  }

  #dueAtMs({ standing }: Member): number {
    const { minIntervalSeconds } = this.parts.pacing;
    if (standing.at !== 'due' || minIntervalSeconds === undefined) return 0;
    return standing.lastRolledAtMs + minIntervalSeconds * 1000;
  }

  #places({ targets }: Choice, waves: readonly Wave[]): number {
    const { pacing, deliveries, course } = this.parts;
    if (pacing.concurrency === undefined) return Infinity;
    const own = namesOf(waves.flatMap(({ rolling }) => rolling));
    return Math.max(0, countOf(pacing.concurrency, targets.length) - deliveries.unfinished(course, own));
  }

  /** What the wave after a wave that is all begun waits for. */
  #pauseAfter(wave: Wave, later: readonly Wave[]): Pause | undefined {
    const { pacing, context } = this.parts;
    const moving = targetsOf(wave.rolling);
    if (pacing.progress !== 'time' && moving.length > 0) return { because: waitingFor(wave, [], [wave]), moving };
    const isLast = later.every(({ members }) => members.length === 0);
    if (isLast || pacing.waveIntervalSeconds === undefined) return undefined;
    const begunAtMs = Math.max(
      ...wave.members.map(({ standing }) => (standing.at === 'given' ? standing.sinceMs : 0)),
      0,
    );
    const untilMs = begunAtMs + pacing.waveIntervalSeconds * 1000;
    if (untilMs <= context.scheduler.now()) return undefined;
    return { because: `${wave.name}; the next wave begins at ${timeText(untilMs)}`, untilMs, moving };
  }

  /** What could not be looked at is tried again like any failure, and what can go on goes on. */
  #wait(choice: Choice, results: readonly TargetResult[], pause: Pause): ActionResult {
    const { context, views } = this.parts;
    const { because, untilMs = Infinity, moving = [] } = pause;
    if (choice.failures.length > 0) return answerOf(choice, asTried(results));
    const lookMs = moving.length > 0 ? LOOK_EVERY_MS : LOOK_AGAIN_MS;
    const againAfterMs = Math.min(lookMs, Math.max(0, untilMs - context.scheduler.now()));
    const waiting: ActionWaiting = { outcome: 'waiting', targets: results, because, againAfterMs };
    return moving.length === 0 ? waiting : { ...waiting, until: views.moved(moving, context.scheduler) };
  }
}

function asTried(results: readonly TargetResult[]): PromiseSettledResult<TargetResult>[] {
  return results.map((value) => ({ status: 'fulfilled', value }));
}

function waitingFor(wave: Wave, chosen: readonly Target[], waves: readonly Wave[]): string {
  const [rolling] = [...wave.rolling, ...waves.flatMap((each) => each.rolling)];
  if (rolling !== undefined) {
    const { progress } = rolling.standing;
    const told = progress.state === 'complete' ? '' : `: ${progress.because}`;
    return `${wave.name}; waiting for ${targetOf(rolling.target.ref)}${told}`;
  }
  const [first] = chosen;
  return first === undefined
    ? `${wave.name}; waiting for other rollouts of the rule`
    : `${wave.name}; waiting for ${targetOf(first.ref)}`;
}

function isRolling(member: Member): member is Rolling {
  const { standing } = member;
  return standing.at === 'given' && standing.progress !== undefined && standing.progress.state !== 'complete';
}

function targetsOf(members: readonly { readonly target: Target }[]): Target[] {
  return members.map(({ target }) => target);
}

function namesOf(members: readonly { readonly target: Target }[]): Set<string> {
  return new Set(members.map(({ target }) => targetOf(target.ref)));
}

function unchanged({ ref }: Target, standing: Standing): TargetResult {
  const message =
    standing.at === 'rest'
      ? standing.because
      : standing.at === 'given'
        ? (standing.adopted ?? HAS_REVISION)
        : HAS_REVISION;
  return { target: targetOf(ref), outcome: 'unchanged', message };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
