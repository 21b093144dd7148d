import type { KubeObject, ManagedFieldsEntry } from '../api-types.js';
import { type FieldSet, isEmptySet, readFieldSet, sameSet, writeFieldSet } from './field-set.js';

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  time: string;
  fields: FieldSet;
}

/** Everyone who owns fields of an object. */
export function managersOf(object: KubeObject | undefined): Manager[] {
  return (object?.metadata.managedFields ?? []).map((entry) => ({
    name: entry.manager ?? '',
    operation: entry.operation ?? 'Update',
    apiVersion: entry.apiVersion ?? '',
    time: entry.time ?? '',
    fields: readFieldSet(entry.fieldsV1),
  }));
}

/** Gives a manager new fields; its time moves only when they differ. */
export function setFields(managers: Manager[], manager: Omit<Manager, 'time'>, time: string): void {
  const found = findManager(managers, manager);
  if (found === undefined) managers.push({ ...manager, time });
  else if (!sameSet(found.fields, manager.fields)) Object.assign(found, { fields: manager.fields, time });
}

export function findManager(
  managers: readonly Manager[],
  { apiVersion, name, operation }: Pick<Manager, 'apiVersion' | 'name' | 'operation'>,
): Manager | undefined {
  return managers.find((each) => each.name === name && each.operation === operation && each.apiVersion === apiVersion);
}

/** Writes `metadata.managedFields`: appliers first, then by time and name, without those who own nothing any more. */
export function writeManagers(object: KubeObject, managers: readonly Manager[]): void {
  const entries = managers
    .filter(({ fields }) => !isEmptySet(fields))
    .toSorted((a, b) => compare(`${a.operation} ${a.time} ${a.name}`, `${b.operation} ${b.time} ${b.name}`))
    .map(({ apiVersion, fields, name, operation, time }): ManagedFieldsEntry => ({
      manager: name,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: writeFieldSet(fields),
    }));
  if (entries.length === 0) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
