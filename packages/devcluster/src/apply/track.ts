import type { KubeObject } from '../api-types.js';
import { type Cluster, timestamp } from '../cluster.js';
import { apiVersionOf, type ResourceDefinition } from '../resources/definition.js';
import { compareObjects, ownable } from './compare.js';
import { difference, fieldSet, union } from './field-set.js';
import { findManager, managersOf, setFields, writeManagers } from './managers.js';
import { ownershipSchema } from './typed.js';

export interface TrackedWrite {
  readonly next: KubeObject;
  readonly old?: KubeObject;
  readonly manager: string;
}

/**
 * Records in `next.metadata.managedFields` which fields an ordinary write changed: they are the writer's from now on, and whoever
 * owned them before has lost them. A list with one empty entry, `[{}]`, forgets all owners.
 */
export function trackUpdate(
  cluster: Cluster,
  definition: ResourceDefinition,
  { next, old, manager }: TrackedWrite,
): void {
  const given = next.metadata.managedFields;
  if (given?.length === 1 && given[0] !== undefined && Object.keys(given[0]).length === 0) {
    delete next.metadata.managedFields;
    return;
  }
  const managers = managersOf(given === undefined || old === undefined ? old : next);
  const { added, modified, removed } = compareObjects(old === undefined ? undefined : ownable(old), ownable(next), {
    schema: ownershipSchema(definition),
    structs: definition.custom,
  });
  const changed = union(added, modified);
  const writer = { name: manager, operation: 'Update' as const, apiVersion: apiVersionOf(definition) };
  const time = timestamp(cluster.now());
  for (const each of managers) {
    const own = findManager([each], writer) !== undefined;
    each.fields = difference(each.fields, own ? removed : union(modified, removed));
  }
  const before = findManager(managers, writer)?.fields ?? fieldSet();
  setFields(managers, { ...writer, fields: union(before, changed) }, time);
  writeManagers(next, managers);
}
