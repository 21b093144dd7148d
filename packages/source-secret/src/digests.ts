import { DIGEST_LENGTH, type DigestKey, type KubeObject, type Parts, type Projection } from '@kube-trigger/kube';

/** All that is kept of a Secret. */
export interface SecretState {
  readonly type: string;
  readonly digests: Parts;
}

interface SecretBody extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>> | null;
}

/**
 * A keyed digest per data key, over the bytes that a pod sees in a mounted file. The Secret's place is digested too: equal digests then
 * do not tell that two Secrets hold the same password.
 */
export function secretDigests(key: DigestKey): Projection<SecretState> {
  return {
    id: `secret/1/${key.id}`,
    of: (object) => {
      const { metadata, type = 'Opaque', data } = object as SecretBody;
      const digest = (entry: string, value: string) => {
        const bytes = Buffer.from(value, 'base64');
        const made = key.hmac('Secret', metadata.namespace ?? '', metadata.name ?? '', entry, bytes);
        // Small buffers are pieces of a pool, which keeps what was written to it.
        bytes.fill(0);
        return made.slice(0, DIGEST_LENGTH);
      };
      const digests = Object.entries(data ?? {}).map(([entry, value]) => [entry, digest(entry, value)] as const);
      return { type, digests: Object.fromEntries(digests) };
    },
  };
}
