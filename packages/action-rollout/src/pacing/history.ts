import { isDeepStrictEqual } from 'node:util';
import {
  type KubeClient,
  type KubeObject,
  labelSelectorText,
  type ObjectRef,
  type RequestOptions,
  type Selector,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import { OUR_PREFIX } from '../annotations.js';
import { type KindRef, knownKind } from '../targets/kinds.js';

/** What pods are made of, as it stands in a workload. */
export type PodTemplate = Readonly<Record<string, unknown>> & {
  readonly metadata?: {
    readonly annotations?: Readonly<Record<string, string>> | null;
    readonly labels?: Readonly<Record<string, string>>;
  } | null;
};

/** A workload whose controller keeps earlier templates. */
export interface Historic extends KubeObject {
  readonly spec: {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template: PodTemplate;
  };
  readonly status?: { readonly currentRevision?: string };
}

interface Revision {
  readonly template: PodTemplate;
  /** Whoever is greater is gone back to: pods of it are there, then how late it was the present one. */
  readonly rank: readonly [proven: boolean, number: number];
}

type Kind = 'Deployment' | 'StatefulSet' | 'DaemonSet';
const RESOURCES = {
  Deployment: WELL_KNOWN.ReplicaSet,
  StatefulSet: WELL_KNOWN.ControllerRevision,
  DaemonSet: WELL_KNOWN.ControllerRevision,
} as const;

/** What an undo lists, for these kinds; only those that it knows. */
export function historyResources(kinds: readonly KindRef[]) {
  return [...new Set(kinds.filter(canUndo).map(({ kind }) => RESOURCES[kind as Kind]))];
}

export function canUndo(ref: KindRef): boolean {
  return knownKind(ref) !== undefined && Object.hasOwn(RESOURCES, ref.kind);
}

/**
 * The template that a workload had before its present one, out of what its controller keeps for `kubectl rollout undo`; never one for which
 * `isFailed`. Rather than the newest it is one of which pods are at work: what came in between may have been no better.
 */
export async function earlierTemplate(
  kube: KubeClient,
  { ref, object }: { readonly ref: ObjectRef; readonly object: Historic },
  {
    isFailed,
    selector,
    ...options
  }: RequestOptions & {
    readonly selector: Selector | undefined;
    readonly isFailed: (template: PodTemplate) => boolean;
  },
): Promise<PodTemplate | undefined> {
  const kind = ref.resource.kind as Kind;
  const kept = await kube.list(RESOURCES[kind], {
    ...options,
    namespace: ref.namespace,
    labelSelector: labelSelectorText(selector),
  });
  const earlier = kept
    .filter(({ metadata }) =>
      metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === object.metadata.uid),
    )
    .map((each) =>
      kind === 'Deployment'
        ? ofReplicaSet(each as ReplicaSet)
        : ofControllerRevision(each as ControllerRevision, object),
    )
    .filter(({ template }) => !isDeepStrictEqual(template, object.spec.template) && !isFailed(template));
  const [best] = earlier.toSorted((a, b) => Number(b.rank[0]) - Number(a.rank[0]) || b.rank[1] - a.rank[1]);
  return best?.template;
}

interface ReplicaSet extends KubeObject {
  readonly spec: { readonly template: PodTemplate };
  readonly status?: { readonly availableReplicas?: number };
}

function ofReplicaSet({ metadata, spec, status }: ReplicaSet): Revision {
  const { 'pod-template-hash': _, ...labels } = spec.template.metadata?.labels ?? {};
  const number = Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
  return {
    template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    rank: [(status?.availableReplicas ?? 0) > 0, number],
  };
}

interface ControllerRevision extends KubeObject {
  readonly revision: number;
  /** A patch that replaces the template. */
  readonly data: { readonly spec: { readonly template: PodTemplate & { readonly $patch?: string } } };
}

function ofControllerRevision({ metadata, revision, data }: ControllerRevision, { status }: Historic): Revision {
  const { $patch: _, ...template } = data.spec.template;
  // A StatefulSet says which one all its pods had last.
  return { template, rank: [metadata.name === status?.currentRevision, revision] };
}

/** Whether two templates make equal pods but for kube-trigger's annotations. */
export function differInOursOnly(one: PodTemplate, other: PodTemplate): boolean {
  return isDeepStrictEqual(withoutOurs(one), withoutOurs(other));
}

function withoutOurs({ metadata, ...rest }: PodTemplate): object {
  const annotations = Object.entries(metadata?.annotations ?? {}).filter(([name]) => !name.startsWith(OUR_PREFIX));
  return { ...rest, metadata: { ...metadata, annotations: Object.fromEntries(annotations) } };
}

/** The merge patch that makes `before` of `now`. */
export function mergeDiff(now: unknown, before: unknown): unknown {
  if (!isObject(now) || !isObject(before)) return before;
  const gone = Object.keys(now).filter((name) => before[name] === undefined);
  const other = Object.entries(before).filter(([name, value]) => !isDeepStrictEqual(value, now[name]));
  return {
    ...Object.fromEntries(gone.map((name) => [name, null])),
    ...Object.fromEntries(other.map(([name, value]) => [name, mergeDiff(now[name], value)])),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
