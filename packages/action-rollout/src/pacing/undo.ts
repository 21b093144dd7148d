import { isTriggerError } from '@kube-trigger/core';
import { type KubeClient, WELL_KNOWN } from '@kube-trigger/kube';
import { undoneMark } from '../annotations.js';
import { failingAs } from '../errors.js';
import { workloadOf } from '../index/workload.js';
import type { Strategy } from '../strategies/strategy.js';
import type { Found } from '../targets/target.js';
import { differInOursOnly, earlierTemplate, type Historic, mergeDiff, type PodTemplate } from './history.js';

/** What is to be taken back. */
export interface UndoJob {
  readonly annotation: string;
  readonly strategy: Strategy;
  /** All that stand for the change. */
  readonly revisions: ReadonlySet<string>;
  /** When it was rolled, on the API server's clock. */
  readonly sinceMs: number;
  readonly fieldManager: string;
  readonly signal: AbortSignal;
}

/** Another write came in between so often: it is tried again later. */
const TRIES = 3;
/** The API server's times are whole seconds. */
const SECOND_MS = 1000;

/**
 * Gives a workload back the template that it had before the change, as `kubectl rollout undo` does, and notes on it which revision failed.
 * One patch of what was just read, so it never takes back somebody else's work. Returns why it did not; undefined when it did.
 */
export async function undo(kube: KubeClient, carrier: Found, job: UndoJob): Promise<string | undefined> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await undoOnce(kube, carrier, job);
    } catch (thrown) {
      const raced = isTriggerError(thrown) && thrown.code === 'KT_KUBE_CONFLICT';
      if (!raced || tries >= TRIES) throw thrown;
    }
  }
}

async function undoOnce(kube: KubeClient, { ref, kind }: Found, job: UndoJob): Promise<string | undefined> {
  const { annotation, strategy, revisions, signal } = job;
  const object = await failingAs(ref, () => kube.get<Historic>(ref, { signal }));
  const workload = workloadOf(object, kind);
  const found = strategy.revisionOf(workload, annotation);
  if (found === undefined || !revisions.has(found)) return 'somebody else has changed it since';
  const isFailed = ({ metadata }: PodTemplate) => revisions.has(metadata?.annotations?.[annotation] ?? '');
  const resource = kind.kind === 'Deployment' ? WELL_KNOWN.ReplicaSet : WELL_KNOWN.ControllerRevision;
  const place = { resource, namespace: ref.namespace, verbs: ['list'] };
  const template = await failingAs(place, () =>
    earlierTemplate(kube, { ref, object }, { selector: workload.selector, isFailed, signal }),
  );
  if (template === undefined) return 'its controller has kept no earlier template';
  const isOursAlone = differInOursOnly(template, object.spec.template);
  // Somebody else's time moves on with whatever it writes: it counts only where the templates differ by more than our annotations.
  if (!isOursAlone && (workload.writer?.atMs ?? 0) >= job.sinceMs + SECOND_MS) {
    return `${workload.writer?.manager} has changed it since`;
  }
  const { uid, resourceVersion } = object.metadata;
  const own = Object.hasOwn(object.metadata.annotations ?? {}, annotation) ? { [annotation]: null } : {};
  const body = {
    metadata: { uid, resourceVersion, annotations: { [undoneMark(annotation)]: found, ...own } },
    spec: { template: mergeDiff(object.spec.template, template) },
  };
  await failingAs(ref, () => kube.patch(ref, body, { type: 'merge', fieldManager: job.fieldManager, signal }));
  return undefined;
}
