import { createHash } from 'node:crypto';
import type { KubeObject, Projection } from '@kube-trigger/kube';

/** Digest by data key. */
export type KeyDigests = Readonly<Record<string, string>>;

/** What a ConfigMap has beside its metadata. */
interface ConfigMapData {
  readonly data?: Readonly<Record<string, string>> | null;
  readonly binaryData?: Readonly<Record<string, string>> | null;
}

/** Base64url characters of SHA-256 per key: 72 bits. */
const DIGEST_LENGTH = 12;

/**
 * All that is kept of a ConfigMap: a digest per key, over the bytes that a pod sees in a mounted file. So the same bytes under the same key
 * are the same state, whether they stand in `data` or in `binaryData`. The digests of *all* keys, so that rules with different
 * globs share one watch.
 */
export const CONFIG_MAP_DIGESTS: Projection<KeyDigests> = {
  id: 'configmap/1',
  of: (object: KubeObject) => {
    const { data, binaryData } = object as ConfigMapData;
    return Object.fromEntries([
      ...Object.entries(data ?? {}).map(([key, value]) => [key, digest(value)] as const),
      ...Object.entries(binaryData ?? {}).map(([key, value]) => [key, digest(Buffer.from(value, 'base64'))] as const),
    ]);
  },
};

/** One opaque string for a set of keys and their digests, whatever their order. 22 characters. */
export function revisionOf(digests: KeyDigests): string {
  const hash = createHash('sha256');
  // Neither keys nor digests can contain the separators, so that different sets never give equal text.
  for (const key of Object.keys(digests).toSorted()) hash.update(`${key}\0${digests[key]}\n`);
  return hash.digest('base64url').slice(0, 22);
}

function digest(value: string | Buffer): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, DIGEST_LENGTH);
}
