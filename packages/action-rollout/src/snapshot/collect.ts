import { isTriggerError } from '@kube-trigger/core';
import { type KubeClient, type ObjectRef, SNAPSHOT_LABEL } from '@kube-trigger/kube';
import type { Kind } from '../targets/kinds.js';
import type { Copier } from './copier.js';
import { type Config, isSnapshot, type Marks, marksOf } from './copy.js';
import { labelValueOf } from './names.js';
import { type Pins, pinOf } from './pins.js';
import { usedOf } from './users.js';

export interface Round {
  readonly origin: ObjectRef;
  /** How many are kept whoever uses them, the ones last pointed to. */
  readonly history: number;
  /** Kinds of workloads besides the known ones. */
  readonly kinds: readonly Kind[];
  readonly signal: AbortSignal;
}

/**
 * Deletes an object's snapshots beyond the history that nothing refers to any more; all of those that nothing refers to, when the object is gone.
 * Costs a list of metadata, and where there may be something to delete, one look at what holds pod templates in the namespace. Keeps no state: what
 * it left behind is found by the next one. Resolves with the names of those deleted.
 *
 * A delivery of another process may point to a snapshot at the same time. It marks it before, and what was marked since it was listed is not deleted.
 */
export async function collect(
  { kube, pins, copier }: { readonly kube: KubeClient; readonly pins: Pins; readonly copier: Copier },
  round: Round,
): Promise<string[]> {
  const { origin, signal } = round;
  const { resource, namespace = '' } = origin;
  const pinned = pins.now();
  const isPinned = ({ name }: Marks) => {
    const pin = pinOf(resource.kind, namespace, name);
    return pinned.has(pin) || pins.has(pin);
  };
  const labelSelector = `${SNAPSHOT_LABEL}=${labelValueOf(origin.name)}`;
  const listed = await kube.list(resource, { namespace, labelSelector, as: 'metadata', signal });
  const ours = listed.map(marksOf).filter((marks) => marks?.origin === origin.name) as Marks[];
  const beyond = ours
    .toSorted((a, b) => b.pointedAtMs - a.pointedAtMs || (a.name < b.name ? -1 : 1))
    .slice(ours.length > 0 && (await exists(kube, origin, signal)) ? round.history : 0)
    .filter((marks) => !isPinned(marks));
  if (beyond.length === 0) return [];
  const used = await usedOf(beyond, { kube, namespace, kinds: round.kinds, signal });
  const key = await copier.keyFor(origin);
  const deleted: string[] = [];
  for (const marks of beyond.filter(({ name }) => !used.has(name))) {
    const snapshot = { ...origin, name: marks.name };
    const gone = await unlessElse(async () => {
      const object = await kube.get<Config>(snapshot, { signal });
      const { uid, resourceVersion } = marks;
      const isAsListed = object.metadata.uid === uid && object.metadata.resourceVersion === resourceVersion;
      if (!isAsListed || !isSnapshot(object, key) || isPinned(marks)) return false;
      await kube.delete(snapshot, { preconditions: { uid, resourceVersion }, signal });
      return true;
    });
    if (gone) deleted.push(marks.name);
  }
  return deleted;
}

async function exists(kube: KubeClient, origin: ObjectRef, signal: AbortSignal): Promise<boolean> {
  return unlessElse(async () => {
    await kube.get(origin, { as: 'metadata', signal });
    return true;
  });
}

/** False when it is gone, or was changed by somebody else meanwhile. */
async function unlessElse(work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } catch (thrown) {
    if (isTriggerError(thrown) && ['KT_KUBE_NOT_FOUND', 'KT_KUBE_CONFLICT'].includes(thrown.code)) return false;
    throw thrown;
  }
}
