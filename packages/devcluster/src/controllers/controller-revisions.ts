import { isApiError } from './api-client.js';
import { sameJson, shortHash } from './canonical.js';
import { type Cluster, fieldManager } from './cluster.js';
import {
  controllerOf,
  controllerReference,
  type ControllerRevision,
  type DaemonSet,
  type PodTemplate,
  type StatefulSet,
} from './objects.js';

/** On pods and revisions: which revision they are of. */
export const revisionHashLabel = 'controller-revision-hash';

type Owner = StatefulSet | DaemonSet;

export interface RevisionHistory {
  /** The one of the present template: always the highest number. */
  latest: ControllerRevision;
  /** All of them, oldest first. */
  all: ControllerRevision[];
  collisionCount: number;
}

/**
 * The revisions of an owner, with one for its present template: made when it is new, and renumbered as the latest when the
 * template went back to an earlier one. `hashLabel` is the label of the revision object that carries its hash.
 */
export async function revisionHistory(cluster: Cluster, owner: Owner, hashLabel: string): Promise<RevisionHistory> {
  const all = cluster.revisions.ownedBy(owner).toSorted((a, b) => a.revision - b.revision);
  const data = dataOf(owner.spec.template);
  const next = (all.at(-1)?.revision ?? 0) + 1;
  const collisionCount = owner.status?.collisionCount ?? 0;
  const equal = all.findLast((revision) => sameJson(revision.data, data));
  if (equal === undefined) {
    const created = await create(cluster, { owner, data, revision: next, hashLabel, collisionCount });
    return { ...created, all: [...all, created.latest] };
  }
  if (equal === all.at(-1)) return { latest: equal, all, collisionCount };
  const latest = await cluster.revisions.patch(equal, { revision: next }, fieldManager);
  return { latest, all: [...all.filter((revision) => revision !== equal), latest], collisionCount };
}

interface NewRevision {
  owner: Owner;
  data: ControllerRevision['data'];
  revision: number;
  hashLabel: string;
  collisionCount: number;
}

async function create(
  cluster: Cluster,
  wanted: NewRevision,
): Promise<{ latest: ControllerRevision; collisionCount: number }> {
  const { owner, data, revision, hashLabel, collisionCount } = wanted;
  const hash = shortHash(data, collisionCount);
  const metadata = {
    name: `${owner.metadata.name}-${hash}`,
    namespace: owner.metadata.namespace ?? '',
    labels: { ...owner.spec.template.metadata?.labels, [hashLabel]: hash },
    annotations: { ...owner.metadata.annotations },
    ownerReferences: [controllerReference(owner)],
  };
  try {
    return { latest: await cluster.revisions.create({ metadata, data, revision }, fieldManager), collisionCount };
  } catch (error) {
    if (!isApiError(error, 409, 'AlreadyExists')) throw error;
    const existing = await cluster.revisions.read(metadata);
    const own = controllerOf(existing)?.uid === owner.metadata.uid && sameJson(existing.data, data);
    if (own) return { latest: existing, collisionCount };
    return create(cluster, { ...wanted, collisionCount: collisionCount + 1 });
  }
}

/** Deletes the oldest revisions beyond the owner's limit, but none that is in use. */
export async function dropRevisions(
  cluster: Cluster,
  owner: Owner,
  { all, inUse }: { all: ControllerRevision[]; inUse: Set<string> },
): Promise<void> {
  const idle = all.filter(
    (revision) => !inUse.has(revision.metadata.name) && revision.metadata.deletionTimestamp === undefined,
  );
  const surplus = Math.max(0, idle.length - (owner.spec.revisionHistoryLimit ?? 10));
  for (const revision of idle.slice(0, surplus)) await cluster.revisions.delete(revision);
}

/**
 * A strategic merge patch that puts the template back. Byte for byte what kubectl makes of it (sorted keys, and the null that
 * Go's encoder writes), since `kubectl rollout undo` compares the bytes to see whether there is anything to undo.
 */
function dataOf(template: PodTemplate): ControllerRevision['data'] {
  const metadata = { ...template.metadata, creationTimestamp: null };
  return sortKeys({ spec: { template: { ...template, metadata, $patch: 'replace' } } }) as ControllerRevision['data'];
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}
