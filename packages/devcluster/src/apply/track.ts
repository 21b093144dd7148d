import type { KubeObject } from '../api-types.js';
import type { Cluster } from '../cluster.js';
import type { ResourceDefinition } from '../resources/definition.js';

export interface TrackedWrite {
  readonly next: KubeObject;
  readonly old?: KubeObject;
  readonly manager: string;
  readonly subresource: string;
}

/** Records in `next.metadata.managedFields` which fields this write changed. */
export function trackUpdate(_cluster: Cluster, _definition: ResourceDefinition, { next, old }: TrackedWrite): void {
  if (old?.metadata.managedFields === undefined) delete next.metadata.managedFields;
  else next.metadata.managedFields = old.metadata.managedFields;
}
