import { createHash } from 'node:crypto';
import { isTriggerError } from '@kube-trigger/core';
import type { KubeClient, RequestOptions } from '../client.js';
import type { KubeObject } from '../model.js';
import { WELL_KNOWN } from '../well-known.js';
import type { Mountable } from './mounted-files.js';

/** Of every data key of an object as it is now: the digest of the file that a pod should see. */
export type ContentDigests = ReadonlyMap<string, string>;

interface Content extends KubeObject {
  readonly data?: Readonly<Record<string, string>> | null;
  readonly binaryData?: Readonly<Record<string, string>> | null;
}

/**
 * Undefined when there is no such object any more. Values are digested and dropped. The digests are unkeyed, as those of the container are:
 * compare them, and keep or show them never.
 */
export async function contentDigests(
  kube: Pick<KubeClient, 'get'>,
  { kind, namespace, name }: Mountable,
  { signal }: RequestOptions,
): Promise<ContentDigests | undefined> {
  try {
    const { data, binaryData } = await kube.get<Content>({ resource: WELL_KNOWN[kind], namespace, name }, { signal });
    const text = kind === 'Secret' ? 'base64' : 'utf8';
    return new Map([
      ...Object.entries(data ?? {}).map(([key, value]) => [key, digestOf(value, text)] as const),
      ...Object.entries(binaryData ?? {}).map(([key, value]) => [key, digestOf(value, 'base64')] as const),
    ]);
  } catch (thrown) {
    if (isTriggerError(thrown) && thrown.code === 'KT_KUBE_NOT_FOUND') return undefined;
    throw thrown;
  }
}

function digestOf(value: string, encoding: 'utf8' | 'base64'): string {
  const bytes = Buffer.from(value, encoding);
  const digest = createHash('sha256').update(bytes).digest('hex');
  // Small buffers are pieces of a pool, which keeps what was written to it.
  bytes.fill(0);
  return digest;
}
