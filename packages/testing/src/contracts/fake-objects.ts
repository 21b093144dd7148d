import { isDeepStrictEqual } from 'node:util';
import { type KubeObject, type ObjectRef, qualifiedName, type Resource } from '@kube-trigger/kube';
import { Subject } from 'rxjs';

export interface StoredChange {
  readonly type: 'present' | 'absent';
  readonly resource: Resource;
  readonly object: KubeObject;
  readonly before: KubeObject | undefined;
}

/** The objects of a fake cluster: versions, generations and a stream of changes. */
export class FakeObjects {
  readonly #objects = new Map<string, { readonly resource: Resource; readonly object: KubeObject }>();
  readonly #changes = new Subject<StoredChange>();
  readonly changes = this.#changes.asObservable();
  #version = 0;

  get version(): string {
    return String(this.#version);
  }

  get(ref: ObjectRef): KubeObject | undefined {
    return this.#objects.get(idOf(ref))?.object;
  }

  all(resource: Resource): KubeObject[] {
    const wanted = qualifiedName(resource);
    return [...this.#objects.values()]
      .filter((stored) => qualifiedName(stored.resource) === wanted)
      .map((s) => s.object);
  }

  /** Writes an object as it is, under a new version; `generation` grows when anything but metadata and status changed. */
  put(resource: Resource, object: KubeObject): KubeObject {
    const ref = { resource, namespace: object.metadata.namespace, name: object.metadata.name ?? '' };
    const before = this.get(ref);
    const draft = { ...object, metadata: { ...object.metadata, ...identityOf(before) } };
    // As an API server: what changes nothing makes no new version.
    if (before !== undefined && isDeepStrictEqual(plain(draft), plain(before))) return before;
    this.#version += 1;
    const generation = (before?.metadata.generation ?? 0) + (isDeepStrictEqual(bodyOf(before), bodyOf(object)) ? 0 : 1);
    const made = {
      ...draft,
      metadata: {
        uid: `uid-${this.#version}`,
        ...draft.metadata,
        resourceVersion: this.version,
        generation,
      },
    };
    this.#objects.set(idOf(ref), { resource, object: made });
    this.#changes.next({ type: 'present', resource, object: made, before });
    return made;
  }

  remove(ref: ObjectRef): void {
    const before = this.get(ref);
    if (before === undefined) return;
    this.#version += 1;
    this.#objects.delete(idOf(ref));
    this.#changes.next({ type: 'absent', resource: ref.resource, object: before, before });
  }
}

function idOf({ resource, namespace, name }: ObjectRef): string {
  return [qualifiedName(resource), resource.namespaced ? (namespace ?? '') : '', name].join('/');
}

function identityOf(before: KubeObject | undefined): object {
  if (before === undefined) return {};
  const { uid, resourceVersion, generation } = before.metadata;
  return { uid, resourceVersion, generation };
}

function plain(object: KubeObject): unknown {
  return JSON.parse(JSON.stringify(object)) as unknown;
}

function bodyOf(object: KubeObject | undefined): unknown {
  if (object === undefined) return undefined;
  const { metadata: _, status: __, ...body } = plain(object) as Record<string, unknown>;
  return body;
}

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isPlainObject(patch)) return patch;
  const merged: Record<string, unknown> = isPlainObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equality, set and existence requirements of a label selector in the API's text form. */
export function matchesLabels(object: KubeObject, selector: string | undefined): boolean {
  if (selector === undefined || selector === '') return true;
  const labels = object.metadata.labels ?? {};
  return selector.split(/,(?![^(]*\))/).every((requirement) => matches(labels, requirement.trim()));
}

function matches(labels: Readonly<Record<string, string>>, requirement: string): boolean {
  const set = /^(\S+) (in|notin) \(([^)]*)\)$/.exec(requirement);
  if (set !== null) {
    const [, key = '', operator, values = ''] = set;
    const value = labels[key];
    const contained = value !== undefined && values.split(',').includes(value);
    return operator === 'in' ? contained : !contained;
  }
  const equality = /^([^=!]+)(!=|==?)(.*)$/.exec(requirement);
  if (equality !== null) {
    const [, key = '', operator, value] = equality;
    return operator === '!=' ? labels[key] !== value : labels[key] === value;
  }
  return requirement.startsWith('!')
    ? !Object.hasOwn(labels, requirement.slice(1))
    : Object.hasOwn(labels, requirement);
}
