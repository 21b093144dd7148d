import { type CallContext, isTriggerError } from '@kube-trigger/core';
import type { KubeClient } from '../client.js';
import type { KubeObject, ObjectMeta, Resource } from '../model.js';

/** What etcd takes by default is 1.5 MiB; a resource of an aggregated API may be larger, and is not looked at. */
const MAX_BYTES = 2 * 1024 * 1024;

interface ServerMeta extends ObjectMeta {
  readonly managedFields?: unknown;
}

/**
 * The object that an event key of `observeObjects` names, as it is now; null when there is none. Without `managedFields`, which are as long as
 * the rest and about who wrote it.
 */
export async function readObject(
  kube: KubeClient,
  { resource, key }: { readonly resource: Resource; readonly key: string },
  { signal }: Pick<CallContext, 'signal'>,
): Promise<KubeObject | null> {
  const [, ...place] = key.split('/');
  const [name = '', namespace] = place.toReversed();
  try {
    const object = await kube.get({ resource, namespace, name }, { signal, maxBytes: MAX_BYTES });
    const { managedFields: _, ...metadata } = object.metadata as ServerMeta;
    return { ...object, metadata };
  } catch (thrown) {
    if (isTriggerError(thrown) && thrown.code === 'KT_KUBE_NOT_FOUND') return null;
    throw thrown;
  }
}
