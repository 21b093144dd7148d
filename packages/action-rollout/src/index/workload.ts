import { createHash } from 'node:crypto';
import { type KubeObject, type Projection, type Selector } from '@kube-trigger/kube';
import { OUR_PREFIX } from '../annotations.js';
import { type Pod, podOf } from '../evict/pod.js';
import { isPod, type Kind } from '../targets/kinds.js';
import { pointerAnnotation, pointersIn, type OriginKind } from '../snapshot/names.js';
import { type ReadAs, seeThrough, standsFor } from '../snapshot/origins.js';
import { type Progress, progressOf } from './progress.js';
import { type PodSpec, type References, referencesOf } from './references.js';

type Annotations = Readonly<Record<string, string>>;

/** All that is kept of a workload: never its contents. */
export interface Workload {
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
  readonly writer: Writer | undefined;
  /** When each of our annotations, on it or on its template, got its value; on the API server's clock, to the second. */
  readonly writtenAtMs: Readonly<Record<string, number>>;
  /** When its status last changed, on the API server's clock. */
  readonly statusAtMs: number | undefined;
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

/** Who, other than kube-trigger, last wrote the pod template, as far as the API server tells. */
export interface Writer {
  readonly manager: string;
  readonly atMs: number;
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
    writer: writerOf(object, kind.templatePath),
    writtenAtMs: writtenAtMs(object, kind.templatePath),
    statusAtMs: statusAtMs(object),
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
  const annotations = body.metadata?.annotations ?? {};
  const others = Object.entries(annotations).filter(([name]) => !name.startsWith(OUR_PREFIX));
  const rest = { ...body, metadata: { ...body.metadata, annotations: Object.fromEntries(others) } };
  const spec = body.spec ?? {};
  const pointers = pointersIn(ours(annotations));
  const { readAs, references } = seeThrough(spec, referencesOf(spec), pointers);
  const { kept, text } = withoutSnapshots({ pointers, readAs }, { annotations: ours(annotations), rest });
  return {
    annotations: kept,
    digest: createHash('sha256').update(text).digest('base64url').slice(0, 22),
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
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([name]) => name.startsWith(OUR_PREFIX)));
}

interface ManagedFields {
  readonly manager?: string;
  readonly time?: string;
  readonly fieldsV1?: object;
}

function managedFieldsOf({ metadata }: KubeObject): readonly ManagedFields[] {
  return (metadata as { managedFields?: readonly ManagedFields[] }).managedFields ?? [];
}

function writtenAtMs(object: KubeObject, path: readonly string[]): Readonly<Record<string, number>> {
  const places = [['f:metadata'], [...path.map((segment) => `f:${segment}`), 'f:metadata']];
  const written = new Map<string, number>();
  for (const { manager = '', time = '', fieldsV1 } of managedFieldsOf(object)) {
    if (!manager.startsWith('kube-trigger')) continue;
    const fields = places.flatMap((place) => Object.keys(at(fieldsV1, [...place, 'f:annotations']) ?? {}));
    for (const field of fields.filter((name) => name.startsWith(`f:${OUR_PREFIX}`))) {
      const annotation = field.slice(2);
      written.set(annotation, Math.max(written.get(annotation) ?? 0, Date.parse(time)));
    }
  }
  return Object.fromEntries(written);
}

function statusAtMs(object: KubeObject): number | undefined {
  const times = managedFieldsOf(object)
    .filter(({ fieldsV1 }) => at(fieldsV1, ['f:status']) !== undefined)
    .map(({ time = '' }) => Date.parse(time));
  return times.length === 0 ? undefined : Math.max(...times);
}

function writerOf(object: KubeObject, path: readonly string[]): Writer | undefined {
  const managedFields = managedFieldsOf(object);
  const fields = path.map((segment) => `f:${segment}`);
  const writers = managedFields
    .filter(({ manager = '', fieldsV1 }) => !manager.startsWith('kube-trigger') && at(fieldsV1, fields) !== undefined)
    .map(({ manager = '', time = '' }) => ({ manager, atMs: Date.parse(time) }));
  return writers.toSorted((a, b) => b.atMs - a.atMs)[0];
}

function at(object: unknown, path: readonly string[]): unknown {
  const found = path.reduce<unknown>((inner, name) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return undefined;
    return Object.hasOwn(inner, name) ? (inner as Record<string, unknown>)[name] : undefined;
  }, object);
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? found : undefined;
}
