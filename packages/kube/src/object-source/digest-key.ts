import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { isTriggerError, type RbacRule, TriggerError } from '@kube-trigger/core';
import type { InjectionToken } from 'tsyringe';
import type { KubeClient } from '../client.js';
import type { KubeObject, ObjectRef } from '../model.js';
import { WELL_KNOWN } from '../well-known.js';

/** A key for digests of what must not be guessed from them. */
export interface DigestKey {
  /** A short digest of the key: another key has another id. Safe to show and to store. */
  readonly id: string;
  /** HMAC-SHA-256 over a list, of which no two give equal input. Base64url, 43 characters. */
  hmac(...items: readonly (string | Uint8Array)[]): string;
}

/** Loads the key when it is first needed; every later call gives the same key. A failure is not kept: the next call tries again. */
export type DigestKeyProvider = () => Promise<DigestKey>;

export const DigestKeyToken: InjectionToken<DigestKeyProvider> = Symbol.for('kube-trigger.DigestKey');

/** The Secret that holds the key, in the operator's namespace. */
export const DIGEST_KEY_NAME = 'kube-trigger-digest-key';

/** What `loadDigestKey` needs. */
export const DIGEST_KEY_RBAC: readonly RbacRule[] = [
  {
    apiGroups: [''],
    resources: ['secrets'],
    verbs: ['get'],
    resourceNames: [DIGEST_KEY_NAME],
    inOperatorNamespace: true,
  },
  // RBAC cannot narrow `create` to a name.
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'], inOperatorNamespace: true },
];

const KEY_BYTES = 32;
const ENTRY = 'key';
/** Between a refused creation and the next look somebody may delete the Secret again: not forever. */
const MAX_ROUNDS = 3;

/**
 * Reads the key from its Secret, which is made with 32 random bytes if it is not there. Replicas that start at the same time get the
 * same key: one creation wins, the others read it. Rejects with `KT_KUBE_DIGEST_KEY` when the Secret holds no key, else with what the
 * client says; never shows the key.
 */
export async function loadDigestKey(client: KubeClient, namespace: string, name = DIGEST_KEY_NAME): Promise<DigestKey> {
  const ref: ObjectRef = { resource: WELL_KNOWN.Secret, namespace, name };
  for (let round = 1; ; round += 1) {
    const found = await unless('KT_KUBE_NOT_FOUND', () => client.get<KeySecret>(ref));
    if (found !== undefined) return keyOf(found, `${namespace}/${name}`);
    const made = await unless(round < MAX_ROUNDS ? 'KT_KUBE_CONFLICT' : '', () => createKey(client, ref));
    if (made !== undefined) return made;
  }
}

/** The key of a process: one request (or two) for all who inject it. */
export function digestKeyProvider(client: KubeClient, namespace: string, name = DIGEST_KEY_NAME): DigestKeyProvider {
  let loading: Promise<DigestKey> | undefined;
  return () => {
    loading ??= loadDigestKey(client, namespace, name).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}

interface KeySecret extends KubeObject {
  readonly data?: Readonly<Record<string, string>> | null;
}

async function createKey(client: KubeClient, { resource, namespace, name }: ObjectRef): Promise<DigestKey> {
  const bytes = randomBytes(KEY_BYTES);
  await client.create(resource, namespace, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, labels: { 'app.kubernetes.io/managed-by': 'kube-trigger' } },
    type: 'Opaque',
    // A key is never changed: it is deleted, and then another one is made.
    immutable: true,
    data: { [ENTRY]: bytes.toString('base64') },
  });
  return new HmacKey(bytes);
}

function keyOf({ data }: KeySecret, place: string): DigestKey {
  const bytes = Buffer.from(data?.[ENTRY] ?? '', 'base64');
  if (bytes.length >= KEY_BYTES) return new HmacKey(bytes);
  const wrong = `Secret ${place} holds no digest key: data.${ENTRY} has ${bytes.length} bytes, not ${KEY_BYTES}`;
  throw new TriggerError('KT_KUBE_DIGEST_KEY', wrong, {
    fix: 'Delete the Secret: a new key is made, and rules on Secrets start from a new baseline',
  });
}

class HmacKey implements DigestKey {
  readonly id: string;
  // Outside the JavaScript heap, and shown by nothing.
  readonly #key: KeyObject;

  /** Wipes `bytes`. */
  constructor(bytes: Buffer) {
    this.#key = createSecretKey(bytes);
    bytes.fill(0);
    this.id = this.hmac('kube-trigger digest key id').slice(0, 12);
  }

  hmac(...items: readonly (string | Uint8Array)[]): string {
    const hmac = createHmac('sha256', this.#key);
    // Texts that follow one another are one call of OpenSSL.
    let text = '';
    for (const item of items) {
      text += `${Buffer.byteLength(item)}:`;
      if (typeof item === 'string') {
        text += item;
        continue;
      }
      hmac.update(text).update(item);
      text = '';
    }
    return hmac.update(text).digest('base64url');
  }
}

/** Undefined when it rejects with this code. */
async function unless<T>(code: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isTriggerError(error) && error.code === code) return undefined;
    throw error;
  }
}
