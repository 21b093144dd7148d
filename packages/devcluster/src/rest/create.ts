import { randomInt, randomUUID } from 'node:crypto';
import { ApiError, alreadyExists, badRequest, type FieldError, invalid, notFound } from '../api-error.js';
import type { KubeObject, ObjectMeta } from '../api-types.js';
import { type Cluster, timestamp } from '../cluster.js';
import { asObject } from '../json.js';
import { kindName, type ResourceDefinition, resourceName, collectionOf } from '../resources/definition.js';
import { validateSchema } from '../schema/validate.js';
import { trackUpdate } from '../apply/track.js';
import { validateFinalizers, validateMetadata } from './metadata.js';

export interface WriteOptions {
  readonly namespace: string;
  readonly subresource: string;
  readonly manager: string;
  readonly dryRun: boolean;
  /** The last check before an object is stored. */
  readonly admit?: (object: KubeObject) => void;
}

/** The letters Kubernetes makes name suffixes from: no vowels, no look-alikes. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * Creates a decoded object, which it may change. With `tracked: false` managedFields are taken as they are (server-side apply has set
 * them).
 */
export function createObject(
  cluster: Cluster,
  definition: ResourceDefinition,
  { object, tracked = true, ...options }: WriteOptions & { readonly object: KubeObject; readonly tracked?: boolean },
): KubeObject {
  placeInNamespace(cluster, definition, { object, namespace: options.namespace });
  const { metadata } = object;
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '0') {
    throw new ApiError(500, '', 'resourceVersion should not be set on objects to be created');
  }
  if (metadata.name === '' && metadata.generateName !== undefined) metadata.name = generateName(metadata.generateName);
  object.metadata = freshMetadata(cluster, definition, metadata);
  if (definition.subresources.includes('status') && definition.plural !== 'namespaces') delete object['status'];
  definition.prepareCreate?.(object);
  throwInvalid(definition, object, validateObject(definition, object));
  const ref = {
    collection: collectionOf(definition),
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
  };
  if (cluster.store.get(ref) !== undefined) throw alreadyExists(resourceName(definition), object.metadata.name);
  options.admit?.(object);
  if (tracked) trackUpdate(cluster, definition, { next: object, manager: options.manager });
  return options.dryRun ? object : cluster.store.put(ref, object);
}

function freshMetadata(cluster: Cluster, definition: ResourceDefinition, metadata: ObjectMeta): ObjectMeta {
  const {
    resourceVersion: _resourceVersion,
    deletionTimestamp: _deletionTimestamp,
    deletionGracePeriodSeconds: _grace,
    selfLink: _selfLink,
    generation: _generation,
    ...kept
  } = metadata;
  return {
    ...kept,
    uid: randomUUID(),
    creationTimestamp: timestamp(cluster.now()),
    ...(definition.hasGeneration ? { generation: 1 } : {}),
  };
}

function placeInNamespace(
  cluster: Cluster,
  definition: ResourceDefinition,
  { object, namespace }: { object: KubeObject; namespace: string },
): void {
  if (!definition.namespaced) {
    if (object.metadata.namespace !== undefined) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    return;
  }
  if (object.metadata.namespace !== undefined && object.metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  object.metadata.namespace = namespace;
  const owner = cluster.store.get({ collection: '/namespaces', namespace: '', name: namespace });
  if (owner === undefined) throw notFound({ group: '', name: 'namespaces' }, namespace);
  if (owner.metadata.deletionTimestamp !== undefined) throw terminating(definition, object, namespace);
}

function terminating(definition: ResourceDefinition, object: KubeObject, namespace: string): ApiError {
  const { group, plural } = definition;
  const full = group === '' ? plural : `${plural}.${group}`;
  const { name } = object.metadata;
  const message = `${full} ${JSON.stringify(name)} is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`;
  return new ApiError(403, 'Forbidden', message, {
    name,
    ...(group === '' ? {} : { group }),
    kind: plural,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  });
}

export function generateName(prefix: string): string {
  const suffix = Array.from({ length: 5 }, () => SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)]).join('');
  // Go truncates the base so that the result fits a DNS label.
  return prefix.slice(0, 58) + suffix;
}

/** All rules that an object must obey whether new or changed. */
export function validateObject(definition: ResourceDefinition, object: KubeObject): FieldError[] {
  const errors = validateMetadata(object, definition.validateName);
  if (!definition.custom && definition.group !== 'apiextensions.k8s.io') errors.push(...validateFinalizers(object));
  if (definition.custom && definition.schema !== undefined) {
    const { metadata, ...rest } = object;
    errors.push(...validateSchema({ ...rest, metadata: asObject(metadata) }, definition.schema, ''));
  }
  errors.push(...(definition.validate?.(object) ?? []));
  return errors;
}

export function throwInvalid(definition: ResourceDefinition, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(kindName(definition), object.metadata.name, errors);
}
