import { createHash } from 'node:crypto';
import type { DigestKey, KubeObject, ObjectRef, OwnerReference } from '@kube-trigger/kube';
import { SNAPSHOT_LABEL } from '@kube-trigger/kube';
import { CAUSE_ANNOTATION, OUR_PREFIX } from '../annotations.js';
import { uncopyable } from './errors.js';
import { labelValueOf, MAX_ORIGIN_NAME, snapshotName } from './names.js';

/** A ConfigMap or Secret. */
export interface Config extends KubeObject {
  readonly data?: Values | null;
  readonly binaryData?: Values | null;
  readonly type?: string;
  readonly immutable?: boolean;
}
type Values = Readonly<Record<string, string>>;

const DIGEST = `${OUR_PREFIX}digest`;
const POINTED_AT = `${OUR_PREFIX}pointed-at`;
const MANAGED_BY = 'app.kubernetes.io/managed-by';

/** Controllers give these a meaning of their own: a second one is another token, not another copy. */
const TOKENS = ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token'];

/**
 * What a snapshot is named by: equal contents (and types) have equal digests, whoever holds them. With a key, whose id then comes first, it
 * tells nothing to who does not hold it.
 */
export function contentDigest(object: Config, key: DigestKey | undefined): string {
  const items = [object.type ?? '', ...flat(object.data), '', ...flat(object.binaryData)];
  if (key !== undefined) return `${key.id}.${key.hmac('snapshot', ...items)}`;
  const hash = createHash('sha256');
  for (const item of items) hash.update(`${Buffer.byteLength(item)}:`).update(item);
  return hash.digest('base64url');
}

function flat(values: Values | null | undefined): string[] {
  const sorted = Object.entries(values ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [String(sorted.length), ...sorted.flat()];
}

export interface Making {
  readonly origin: ObjectRef;
  readonly digest: string;
  readonly cause: string;
  readonly owners: readonly OwnerReference[];
  readonly nowMs: number;
}

/** The copy as it is created. Labels and annotations of the origin mean the origin, so it has none of them. */
export function copyOf(object: Config, { origin, digest, ...note }: Making): object {
  const { apiVersion = 'v1', kind = origin.resource.kind, data, binaryData, type } = object;
  return {
    apiVersion,
    kind,
    metadata: {
      name: snapshotName(origin.name, digest),
      labels: { [MANAGED_BY]: 'kube-trigger', [SNAPSHOT_LABEL]: labelValueOf(origin.name) },
      annotations: { [DIGEST]: digest, ...pointedNow(note) },
      ...(note.owners.length === 0 ? {} : { ownerReferences: note.owners }),
    },
    immutable: true,
    ...(type === undefined ? {} : { type }),
    ...(data === undefined || data === null ? {} : { data }),
    ...(binaryData === undefined || binaryData === null ? {} : { binaryData }),
  };
}

/** When, and for what, workloads were last pointed to it. */
export function pointedNow({ cause, nowMs }: Pick<Making, 'cause' | 'nowMs'>): Values {
  return { [CAUSE_ANNOTATION]: cause, [POINTED_AT]: new Date(nowMs).toISOString() };
}

/** Rejects what must not be copied, and says why. */
export function mustBeCopyable(origin: ObjectRef, { type = '' }: Config): void {
  const { length } = origin.name;
  if (length > MAX_ORIGIN_NAME) {
    const because = `its name has ${length} characters, and those of its snapshots would have ${length + 11} of at most 253`;
    throw uncopyable(origin, because, `Give it a name of at most ${MAX_ORIGIN_NAME} characters`);
  }
  if (TOKENS.includes(type)) {
    throw uncopyable(
      origin,
      `of the type ${type} there is one per token`,
      'Take it out of the rule, or leave out configSnapshot',
    );
  }
}

/** What is known of a snapshot without its contents. */
export interface Marks {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly origin: string;
  readonly digest: string;
  readonly pointedAtMs: number;
  readonly owners: readonly OwnerReference[];
}

/** The marks that this package makes, all of them and in agreement; undefined for anybody else's object. */
export function marksOf({ metadata }: KubeObject): Marks | undefined {
  const { name = '', uid = '', resourceVersion = '', labels = {}, annotations = {}, ownerReferences = [] } = metadata;
  const digest = annotations[DIGEST];
  const origin = name.slice(0, -11);
  const agree =
    digest !== undefined &&
    labels[MANAGED_BY] === 'kube-trigger' &&
    labels[SNAPSHOT_LABEL] === labelValueOf(origin) &&
    snapshotName(origin, digest) === name;
  if (!agree) return undefined;
  const pointedAtMs = Date.parse(annotations[POINTED_AT] ?? metadata.creationTimestamp ?? '') || 0;
  return { name, uid, resourceVersion, origin, digest, pointedAtMs, owners: ownerReferences };
}

/** Whether it is an untouched copy: ours by its marks, immutable, and with the contents that its digest says. */
export function isSnapshot(object: Config, key: DigestKey | undefined): boolean {
  const marks = marksOf(object);
  if (marks === undefined || object.immutable !== true) return false;
  // Made with a key that is no more, nobody can tell its contents; its name and immutability still say what it is.
  if (key !== undefined && !marks.digest.startsWith(`${key.id}.`)) return true;
  return contentDigest(object, key) === marks.digest;
}
