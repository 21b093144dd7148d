import type { Cluster } from '../cluster.js';
import type { RequestInfo } from '../http/request-info.js';
import type { ResourceDefinition } from '../resources/definition.js';
import type { ObjectRef } from '../store/store.js';
import { collectionOf } from '../resources/definition.js';

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: { readonly [key: string]: readonly string[] };
}

/** One request for a resource, after authentication and routing. */
export interface ResourceRequest {
  readonly cluster: Cluster;
  readonly info: RequestInfo;
  readonly definition: ResourceDefinition;
  readonly user: User;
  readonly body: Buffer;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  /** Who is written into managedFields: `fieldManager`, or the first word of the user agent. */
  readonly manager: string;
  readonly dryRun: boolean;
}

export function refOf(request: ResourceRequest, name = request.info.name): ObjectRef {
  return { collection: collectionOf(request.definition), namespace: namespaceOf(request), name };
}

function namespaceOf({ definition, info }: ResourceRequest): string {
  return definition.namespaced ? info.namespace : '';
}
