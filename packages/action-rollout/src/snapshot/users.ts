import { isTriggerError, toTriggerError } from '@kube-trigger/core';
import { apiVersionOf, type KubeClient, type OwnerReference, type Resource, WELL_KNOWN } from '@kube-trigger/kube';
import { type Kind, kindOf, KNOWN_KINDS, resourceOf } from '../targets/kinds.js';
import type { Marks } from './copy.js';

/** What else holds pod templates, after the workloads: a template that becomes one of these while they are listed is seen in one place at least. */
const HOLDERS = [WELL_KNOWN.ReplicaSet, WELL_KNOWN.ControllerRevision, WELL_KNOWN.Job, WELL_KNOWN.Pod];
/** A list that takes longer than its token lives is begun again. */
const MAX_LISTS = 3;

export interface Search {
  readonly kube: KubeClient;
  readonly namespace: string;
  /** Besides the known ones. */
  readonly kinds: readonly Kind[];
  readonly signal: AbortSignal;
}

/**
 * Which of these snapshots something may still start a pod with: names that occur as a whole text anywhere in a workload, one of its revisions, a
 * Job or a Pod of the namespace, wherever that may have them. Reads page by page and keeps nothing. Rejects when it could not see everything.
 */
export async function usedOf(snapshots: readonly Marks[], search: Search): Promise<ReadonlySet<string>> {
  const wanted = new Set(snapshots.map(({ name }) => name));
  const used = new Set<string>();
  const workloads = await Promise.all([...KNOWN_KINDS.map((kind) => kindOf({ kind })), ...search.kinds].map(installed));
  const listed = [...workloads.filter((resource) => resource !== undefined), ...HOLDERS];
  for (const resource of listed) for (const name of await mentionedIn(resource, wanted, search)) used.add(name);
  for (const { name, owners } of snapshots) {
    if (used.has(name)) continue;
    const others = owners.filter(
      ({ kind, apiVersion }) => kind !== 'TriggerRule' && !listed.some(isKind(apiVersion, kind)),
    );
    for (const owner of others) if (await mayMention(owner, name, search)) used.add(name);
  }
  return used;

  async function installed(kind: Kind): Promise<Resource | undefined> {
    try {
      return await resourceOf(search.kube, kind);
    } catch (thrown) {
      if (isTriggerError(thrown) && thrown.code === 'KT_KUBE_UNKNOWN_KIND') return undefined;
      throw thrown;
    }
  }
}

/** Those of the names that are a text somewhere in the value. */
export function mentionsOf(value: unknown, names: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === 'string') {
      if (names.has(next)) found.add(next);
    } else if (typeof next === 'object' && next !== null) {
      for (const inner of Object.values(next)) left.push(inner);
    }
  }
  return found;
}

async function mentionedIn(resource: Resource, names: ReadonlySet<string>, search: Search): Promise<Set<string>> {
  const { kube, namespace, signal } = search;
  for (let attempt = 1; ; attempt += 1) {
    const found = new Set<string>();
    try {
      for await (const { items } of kube.pages(resource, { namespace, signal })) {
        for (const name of mentionsOf(items, names)) found.add(name);
      }
      return found;
    } catch (thrown) {
      const { code } = toTriggerError(thrown);
      // The kind is known but not installed: Rollouts, CronJobs of another version.
      if (code === 'KT_KUBE_NOT_FOUND') return found;
      if (code !== 'KT_KUBE_EXPIRED' || attempt === MAX_LISTS) throw thrown;
    }
  }
}

/** An owner of a kind that is not listed. In doubt it does. */
async function mayMention(owner: OwnerReference, name: string, { kube, namespace, signal }: Search): Promise<boolean> {
  try {
    const resource = await kube.resourceFor(owner);
    const object = await kube.get({ resource, namespace, name: owner.name }, { signal });
    return object.metadata.uid === owner.uid && mentionsOf(object, new Set([name])).size > 0;
  } catch (thrown) {
    return !(isTriggerError(thrown) && thrown.code === 'KT_KUBE_NOT_FOUND');
  }
}

function isKind(apiVersion: string, kind: string): (resource: Resource) => boolean {
  return (resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion;
}
