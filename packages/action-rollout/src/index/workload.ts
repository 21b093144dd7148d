import { hash } from 'node:crypto';
import { type KubeObject, type Projection, type Selector } from '@kube-trigger/kube';
import { OUR_PREFIX } from '../annotations.js';
import { type Pod, podOf } from '../evict/pod.js';
import { isPod, type Kind } from '../targets/kinds.js';
import { pointerAnnotation, pointersIn, type OriginKind } from '../snapshot/names.js';
import { type ReadAs, seeThrough, standsFor } from '../snapshot/origins.js';
import { type Authorship, authorshipOf } from './managed-fields.js';
import { type Progress, progressOf } from './progress.js';
import { type PodSpec, type References, referencesOf } from './references.js';

type Annotations = Readonly<Record<string, string>>;

/** All that is kept of a workload: never its contents. */
export interface Workload extends Authorship {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number | undefined;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly deleting: boolean;
  readonly paused: boolean;
  /** No pods are wanted, and none are there. */
  readonly empty: boolean;
  /** Its controller replaces pods only when somebody deletes them. */
  readonly onDelete: boolean;
  readonly progress: Progress;
  /** Undefined where the path leads to nothing. */
  readonly template: Template | undefined;
  /** Of an Argo Rollout without a template of its own. */
  readonly workloadRef: { readonly apiVersion: string; readonly kind: string; readonly name: string } | undefined;
  /** Our annotations on the object itself. */
  readonly annotations: Annotations;
  /** So many pods; undefined for kinds that do not say. */
  readonly wanted: number | undefined;
  /** The labels of its pods, where it says them. */
  readonly selector: Selector | undefined;
  /** Of a pod that is looked at as such. */
  readonly pod: Pod | undefined;
}

export interface Template {
  /** Our annotations on it, but for names of snapshots that nothing refers to any more. */
  readonly annotations: Annotations;
  /** Of everything else in it: equal digests mean that equal pods are made, of whichever snapshots of the same objects. */
  readonly digest: string;
  /** A snapshot counts as the object that it was made of. */
  readonly references: References;
  readonly readAs: ReadAs;
}

interface Body extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly selector?: Selector;
    readonly updateStrategy?: { readonly type?: string };
    readonly workloadRef?: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string };
  };
  readonly status?: { readonly replicas?: number; readonly desiredNumberScheduled?: number };
}

/** One for all rules on the same kind, so that they share their watches. */
export function workloadProjection(kind: Kind): Projection<Workload> {
  return {
    id: `workload/2/${kind.known ? kind.kind : ''}/${kind.templatePath.join('.')}`,
    of: (object) => workloadOf(object, kind),
  };
}

export function workloadOf(object: KubeObject, kind: Kind): Workload {
  const { metadata, spec, status } = object as Body;
  const { uid = '', resourceVersion = '', generation, labels = {}, creationTimestamp, deletionTimestamp } = metadata;
  return {
    uid,
    resourceVersion,
    generation,
    createdAtMs: creationTimestamp === undefined ? 0 : Date.parse(creationTimestamp),
    labels,
    deleting: deletionTimestamp !== undefined,
    paused: spec?.paused === true,
    empty: spec?.replicas === 0 && (status?.replicas ?? 0) === 0,
    onDelete: spec?.updateStrategy?.type === 'OnDelete',
    progress: progressOf(object, kind),
    template: isPod(kind) ? podTemplate(object) : templateOf(object, kind.templatePath),
    workloadRef: workloadRefOf(spec?.workloadRef),
    annotations: ours(metadata.annotations),
    ...authorshipOf(object, kind.templatePath),
    wanted: wantedOf(object, kind),
    selector: spec?.selector,
    pod: isPod(kind) ? podOf(object) : undefined,
  };
}

function wantedOf(object: KubeObject, kind: Kind): number | undefined {
  const { spec, status } = object as Body;
  const said = spec?.replicas ?? status?.desiredNumberScheduled;
  return said ?? (kind.known && kind.kind !== 'DaemonSet' ? 1 : undefined);
}

/** What a pod is made of does not change while it lives. */
function podTemplate(object: KubeObject): Template {
  const { spec = {}, metadata } = object as KubeObject & { readonly spec?: PodSpec };
  const origins = seeThrough(spec, referencesOf(spec), pointersIn(ours(metadata.annotations)));
  return { annotations: {}, digest: metadata.uid ?? '', ...origins };
}

function workloadRefOf(ref: NonNullable<Body['spec']>['workloadRef']): Workload['workloadRef'] {
  if (ref?.name === undefined || ref.kind === undefined) return undefined;
  return { apiVersion: ref.apiVersion ?? 'apps/v1', kind: ref.kind, name: ref.name };
}

interface TemplateBody {
  readonly metadata?: { readonly annotations?: Annotations | null } | null;
  readonly spec?: PodSpec | null;
}

function templateOf(object: KubeObject, path: readonly string[]): Template | undefined {
  const body = at(object, path) as TemplateBody | undefined;
  if (body === undefined) return undefined;
  const annotations = ours(body.metadata?.annotations);
  const others = { ...body.metadata?.annotations };
  for (const name of Object.keys(annotations)) delete others[name];
  const rest = { ...body, metadata: { ...body.metadata, annotations: others } };
  const spec = body.spec ?? {};
  const pointers = pointersIn(annotations);
  const { readAs, references } = seeThrough(spec, referencesOf(spec), pointers);
  const { kept, text } = withoutSnapshots({ pointers, readAs }, { annotations, rest });
  return {
    annotations: kept,
    digest: hash('sha256', text, 'base64url').slice(0, 22),
    references,
    readAs,
  };
}

/** The annotations that still say something, and the rest of the template as if its snapshots were what they stand for. */
function withoutSnapshots(
  { pointers, readAs }: { readonly pointers: ReadonlyMap<string, string>; readonly readAs: ReadAs },
  { annotations, rest }: { readonly annotations: Annotations; readonly rest: object },
): { readonly kept: Annotations; readonly text: string } {
  const kept = { ...annotations };
  let text = JSON.stringify(rest);
  for (const [object, snapshot] of pointers) {
    const [kind, name] = object.split('/') as [OriginKind, string];
    if (standsFor(readAs, object) === undefined) delete kept[pointerAnnotation(kind, name)];
    else text = text.replaceAll(`"${snapshot}"`, `"${name}"`);
  }
  return { kept, text };
}

function ours(annotations: Annotations | null | undefined): Annotations {
  const found: Record<string, string> = {};
  for (const name of Object.keys(annotations ?? {})) {
    if (name.startsWith(OUR_PREFIX)) found[name] = annotations?.[name] ?? '';
  }
  return found;
}

function at(object: unknown, path: readonly string[]): unknown {
  const found = path.reduce<unknown>((inner, name) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return undefined;
    return Object.hasOwn(inner, name) ? (inner as Record<string, unknown>)[name] : undefined;
  }, object);
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? found : undefined;
}
