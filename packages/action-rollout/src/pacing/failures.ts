import type { ActionContext } from '@kube-trigger/core';
import { type KubeClient, type KubeObject, labelSelectorText, WELL_KNOWN } from '@kube-trigger/kube';
import { failingAs, targetOf } from '../errors.js';
import type { Progress } from '../index/progress.js';
import type { Target } from '../targets/target.js';
import { podTrouble, type PodTrouble } from './crashes.js';
import type { Standing } from './standing.js';

/** For kinds without a deadline of their own. */
const DEADLINE_MS = 600_000;
/** Pods of one target are listed so often at most, and first so long after its rollout began. */
export const LOOK_EVERY_MS = 10_000;
/** Targets whose pods are listed by one run, those first that were looked at longest ago. */
const LOOKS = 8;

export type Given = Extract<Standing, { at: 'given' }>;

/** A rollout that is not complete. */
export interface Rolling {
  readonly target: Target;
  readonly standing: Given & { readonly progress: Progress };
}

export interface Failure extends Rolling {
  readonly because: string;
}

interface Asked {
  readonly kube: KubeClient;
  readonly context: ActionContext;
  /** The rule's own. */
  readonly deadlineSeconds: number | undefined;
  /** Whether a pod is made of the new template. */
  readonly isNew: (pod: KubeObject, rolling: Rolling) => boolean;
}

interface Look {
  readonly atMs: number;
  readonly trouble: PodTrouble | undefined;
}

/** Tells which unfinished rollouts have failed. Asks for pods only where a rollout takes its time. */
export class Failures {
  readonly #looks = new Map<string, Look>();

  async among(rolling: readonly Rolling[], asked: Asked): Promise<Failure[]> {
    const nowMs = asked.context.scheduler.now();
    const due = rolling.filter((each) => nowMs - (this.#lookAt(each)?.atMs ?? each.standing.sinceMs) >= LOOK_EVERY_MS);
    const lookedAtMs = (each: Rolling) => this.#lookAt(each)?.atMs ?? 0;
    const first = due.toSorted((one, other) => lookedAtMs(one) - lookedAtMs(other)).slice(0, LOOKS);
    await Promise.all(first.map((each) => this.#look(each, asked)));
    return rolling.flatMap((each) => {
      const because = failedBecause(each, this.#lookAt(each)?.trouble, asked);
      return because === undefined ? [] : [{ ...each, because }];
    });
  }

  /** Whose rollout is complete. */
  forget({ ref }: Target): void {
    this.#looks.delete(targetOf(ref));
  }

  #lookAt({ target, standing }: Rolling): Look | undefined {
    const look = this.#looks.get(targetOf(target.ref));
    return look === undefined || look.atMs < standing.sinceMs ? undefined : look;
  }

  async #look(rolling: Rolling, { kube, context, isNew }: Asked): Promise<void> {
    const { ref, workload } = rolling.target;
    const labelSelector = labelSelectorText(workload.selector);
    if (labelSelector === undefined) return this.#saw(ref, context, undefined);
    const where = {
      namespace: ref.namespace,
      labelSelector,
      signal: context.signal,
      isNew: (pod: KubeObject) => isNew(pod, rolling),
    };
    const place = { resource: WELL_KNOWN.Pod, namespace: ref.namespace, verbs: ['list'] };
    this.#saw(ref, context, await failingAs(place, () => podTrouble(kube, where)));
  }

  #saw(ref: Target['ref'], { scheduler }: ActionContext, trouble: PodTrouble | undefined): void {
    this.#looks.set(targetOf(ref), { atMs: scheduler.now(), trouble });
  }
}

function failedBecause(
  { target, standing }: Rolling,
  trouble: PodTrouble | undefined,
  { context, deadlineSeconds }: Asked,
): string | undefined {
  if (trouble?.crashing === true) return trouble.because;
  const { progress, sinceMs } = standing;
  if (progress.state === 'complete') return undefined;
  const detail = trouble?.because ?? progress.because;
  const overruled = deadlineSeconds !== undefined && progress.because === 'ProgressDeadlineExceeded';
  if (progress.state === 'stuck' && !overruled) {
    return detail === progress.because ? detail : `${progress.because}: ${detail}`;
  }
  const hasOwn = target.kind.known && target.kind.kind === 'Deployment';
  if (deadlineSeconds === undefined && hasOwn) return undefined;
  const deadlineMs = deadlineSeconds === undefined ? DEADLINE_MS : deadlineSeconds * 1000;
  const movedAtMs = Math.max(sinceMs, target.workload.statusAtMs ?? 0);
  if (context.scheduler.now() - movedAtMs <= deadlineMs) return undefined;
  return `no progress within ${deadlineMs / 1000} s: ${detail}`;
}
