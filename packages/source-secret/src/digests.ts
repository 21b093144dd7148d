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
        const bytes = decoded(value);
        const made = key.hmac('Secret', metadata.namespace ?? '', metadata.name ?? '', entry, bytes);
        bytes.fill(0);
        return made.slice(0, DIGEST_LENGTH);
      };
      const digests = Object.entries(data ?? {}).map(([entry, value]) => [entry, digest(entry, value)] as const);
      return { type, digests: Object.fromEntries(digests) };
    },
  };
}

/** Values are decoded here one after the other: buffers of their own would be garbage, and in no hurry to go. */
const DESK = Buffer.alloc(64 * 1024);

/** To be wiped. */
function decoded(value: string): Buffer {
  if (Buffer.byteLength(value, 'base64') > DESK.length) return Buffer.from(value, 'base64');
  return DESK.subarray(0, DESK.write(value, 'base64'));
}
