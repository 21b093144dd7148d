import type { KubeObject } from '../api-types.js';
import type { ResourceDefinition } from '../resources/definition.js';
import type { ObjectList } from './list.js';
import type { ResourceRequest } from './context.js';
import { inVersion } from './update.js';

/** How objects are shown to a client, as its Accept header asks. */
export interface Presentation {
  /** Presentations with equal keys give equal lines; undefined when a line is for one client only. */
  readonly key: string | undefined;
  readonly contentType: string;
  readonly streamType: string;
  one(object: KubeObject, first: boolean): unknown;
  list(list: ObjectList): unknown;
  bookmark(object: { kind: string; apiVersion: string; metadata: object }): unknown;
}

export function presentationOf(request: ResourceRequest): Presentation {
  const { definition } = request;
  return {
    key: definition.version,
    contentType: 'application/json',
    streamType: 'application/json',
    one: (object) => inVersion(definition, object),
    list: (list) => ({
      kind: list.kind,
      apiVersion: list.apiVersion,
      metadata: list.metadata,
      items: list.items.map((item) => itemOf(definition, item)),
    }),
    bookmark: (object) => object,
  };
}

/** Items of built-in lists carry no apiVersion and kind, as Go leaves them out; custom resources do. */
function itemOf(definition: ResourceDefinition, object: KubeObject): object {
  if (definition.custom) return inVersion(definition, object);
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = object;
  return rest;
}
