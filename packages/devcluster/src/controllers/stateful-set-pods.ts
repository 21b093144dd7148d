import { isApiError } from './api-client.js';
import { type Cluster, fieldManager } from './cluster.js';
import { revisionHashLabel } from './controller-revisions.js';
import type { ControllerRevision, Draft, Pod, StatefulSet } from './objects.js';
import { podFrom } from './pods.js';

/** The pod's number in its set; undefined when its name is not of the set's pattern. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  if (!pod.metadata.name.startsWith(prefix)) return undefined;
  const digits = pod.metadata.name.slice(prefix.length);
  return /^(0|[1-9]\d*)$/.test(digits) ? Number(digits) : undefined;
}

export function partitionOf(set: StatefulSet): number {
  return set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
}

/** The pod of an ordinal, with its fixed name and host name and its own volume claims. */
export function statefulPod(set: StatefulSet, ordinal: number, revision: ControllerRevision): Draft<Pod> {
  const { $patch: _, ...template } = revision.data.spec.template;
  const name = `${set.metadata.name}-${ordinal}`;
  const pod = podFrom(template, set, name);
  pod.metadata.labels = {
    ...pod.metadata.labels,
    'statefulset.kubernetes.io/pod-name': name,
    'apps.kubernetes.io/pod-index': String(ordinal),
    [revisionHashLabel]: revision.metadata.name,
  };
  pod.spec.hostname = name;
  if (set.spec.serviceName !== undefined && set.spec.serviceName !== '') pod.spec.subdomain = set.spec.serviceName;
  const claims = claimNames(set, ordinal);
  const others = (pod.spec.volumes ?? []).filter((volume) => !claims.has(volume.name));
  const claimed = Array.from(claims, ([volume, claimName]) => ({ name: volume, persistentVolumeClaim: { claimName } }));
  if (others.length + claimed.length > 0) pod.spec.volumes = [...claimed, ...others];
  return pod;
}

/** Creates the claims of an ordinal that do not exist. They stay unbound, which does not keep the pod from running here. */
export async function createClaims(cluster: Cluster, set: StatefulSet, ordinal: number): Promise<void> {
  const names = claimNames(set, ordinal);
  const { namespace = '' } = set.metadata;
  for (const { metadata, spec } of set.spec.volumeClaimTemplates ?? []) {
    const labels = { ...metadata.labels, ...set.spec.selector.matchLabels };
    const body = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { ...metadata, name: names.get(metadata.name), labels, namespace },
      spec,
    };
    const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
    try {
      await cluster.client.request({ method: 'POST', path, query: { fieldManager }, body });
    } catch (error) {
      if (!isApiError(error, 409, 'AlreadyExists')) throw error;
    }
  }
}

/** From the template's name to the claim's. */
function claimNames(set: StatefulSet, ordinal: number): Map<string, string> {
  const templates = set.spec.volumeClaimTemplates ?? [];
  return new Map(templates.map(({ metadata }) => [metadata.name, `${metadata.name}-${set.metadata.name}-${ordinal}`]));
}
