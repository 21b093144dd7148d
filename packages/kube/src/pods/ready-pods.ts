import type { KubeClient, RequestOptions } from '../client.js';
import type { KubeObject } from '../model.js';
import { WELL_KNOWN } from '../well-known.js';

/** What actions look at in a pod. */
export interface Pod extends KubeObject {
  readonly spec?: {
    readonly containers?: readonly Container[];
    /** Sidecars are init containers that stay. */
    readonly initContainers?: readonly Container[];
    readonly volumes?: readonly Volume[];
  };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
    readonly subPathExpr?: string;
  }[];
}

export interface Volume {
  readonly name: string;
  readonly configMap?: ProjectedObject;
  readonly secret?: { readonly secretName?: string } & Pick<ProjectedObject, 'items'>;
  readonly projected?: {
    readonly sources?: readonly { readonly configMap?: ProjectedObject; readonly secret?: ProjectedObject }[];
  };
}

export interface ProjectedObject {
  readonly name?: string;
  readonly items?: readonly { readonly key: string; readonly path: string }[];
}

export interface PodsInNamespace extends RequestOptions {
  readonly namespace: string;
  /** All when left out. */
  readonly labelSelector?: string | undefined;
}

/** Those of the selected pods that are ready and not being deleted, by name; and how many there are in all. */
export async function readyPods(
  kube: Pick<KubeClient, 'list'>,
  where: PodsInNamespace,
): Promise<{ readonly ready: readonly Pod[]; readonly all: number }> {
  const pods = await kube.list<Pod>(WELL_KNOWN.Pod, where);
  const ready = pods.filter(isReady).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return { ready, all: pods.length };
}

export function isReady({ metadata, status }: Pod): boolean {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  return metadata.deletionTimestamp === undefined && condition?.status === 'True';
}

function nameOf({ metadata }: Pod): string {
  return metadata.name ?? '';
}
