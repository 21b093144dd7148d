import type { KubeObject } from '@kube-trigger/kube';
import type { PodSpec } from '../index/references.js';
import { type OriginKind, pointerAnnotation, pointersIn } from './names.js';
import { placesOf } from './places.js';

/** One operation of RFC 6902. */
export interface Operation {
  readonly op: 'test' | 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

export interface Pointers {
  /** `ConfigMap/app-config` → the snapshot that stands for it from now on. */
  readonly snapshots: ReadonlyMap<string, string>;
  /** What else goes to the template's annotations. */
  readonly annotations: Readonly<Record<string, string>>;
  /** An annotation of the object itself that goes, if it is there. */
  readonly outdated?: string;
}

interface Template {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> | null } | null;
  readonly spec?: PodSpec | null;
}

/**
 * Points the references of the pod template at `templatePath` to snapshots, and says so in its annotations. Fits the object as it is given
 * and no other one: when its spec was changed meanwhile, the API server refuses the whole patch (422).
 */
export function pointingPatch(object: KubeObject, templatePath: readonly string[], to: Pointers): Operation[] {
  const template = (at(object, templatePath) ?? {}) as Template;
  const present = template.metadata?.annotations ?? {};
  const standing = new Map([...pointersIn(present)].map(([origin, name]) => [`${kindOf(origin)}/${name}`, origin]));
  const annotations: Record<string, string> = { ...to.annotations };
  const moves: Operation[] = [];
  for (const { kind, name, path } of placesOf(template.spec ?? {})) {
    const origin = standing.get(`${kind}/${name}`) ?? `${kind}/${name}`;
    const snapshot = to.snapshots.get(origin);
    if (snapshot === undefined) continue;
    annotations[pointerAnnotation(kind, origin.slice(kind.length + 1))] = snapshot;
    if (snapshot === name) continue;
    const place = pointer([...templatePath, 'spec', ...path]);
    moves.push({ op: 'test', path: place, value: name }, { op: 'replace', path: place, value: snapshot });
  }
  const { outdated = '' } = to;
  const gone: Operation[] = Object.hasOwn(object.metadata.annotations ?? {}, outdated)
    ? [{ op: 'remove', path: pointer(['metadata', 'annotations', outdated]) }]
    : [];
  return [...sameObject(object), ...moves, ...annotate(template, [...templatePath, 'metadata'], annotations), ...gone];
}

/** The generation counts changes of the spec. Where a kind has none, whatever changed counts. */
function sameObject({ metadata: { uid, generation, resourceVersion } }: KubeObject): Operation[] {
  const version: Operation =
    generation === undefined
      ? { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }
      : { op: 'test', path: '/metadata/generation', value: generation };
  return [{ op: 'test', path: '/metadata/uid', value: uid }, version];
}

function annotate(
  { metadata }: Template,
  path: readonly string[],
  values: Readonly<Record<string, string>>,
): Operation[] {
  if (metadata === undefined || metadata === null) {
    return [{ op: 'add', path: pointer(path), value: { annotations: values } }];
  }
  const place = [...path, 'annotations'];
  if (metadata.annotations === undefined || metadata.annotations === null) {
    return [{ op: 'add', path: pointer(place), value: values }];
  }
  return Object.entries(values).map(([name, value]) => ({ op: 'add', path: pointer([...place, name]), value }));
}

/** RFC 6901. */
function pointer(path: readonly (string | number)[]): string {
  return path.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function at(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (inner as Record<string, unknown> | null | undefined)?.[name], object);
}

function kindOf(object: string): OriginKind {
  return object.slice(0, object.indexOf('/')) as OriginKind;
}
