import { digestOf, type KubeObject, type Parts, type Projection } from '@kube-trigger/kube';

/** What a ConfigMap has beside its metadata. */
interface ConfigMapData {
  readonly data?: Readonly<Record<string, string>> | null;
  readonly binaryData?: Readonly<Record<string, string>> | null;
}

/**
 * All that is kept of a ConfigMap: a digest per key, over the bytes that a pod sees in a mounted file. So the same bytes under the same key
 * are the same state, whether they stand in `data` or in `binaryData`. The digests of *all* keys, so that rules with different
 * globs share one watch.
 */
export const CONFIG_MAP_DIGESTS: Projection<Parts> = {
  id: 'configmap/1',
  of: (object: KubeObject) => {
    const { data, binaryData } = object as ConfigMapData;
    return Object.fromEntries([
      ...Object.entries(data ?? {}).map(([key, value]) => [key, digestOf(value)] as const),
      ...Object.entries(binaryData ?? {}).map(([key, value]) => [key, digestOf(Buffer.from(value, 'base64'))] as const),
    ]);
  },
};
