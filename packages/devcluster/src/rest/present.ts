import type { KubeObject } from '../api-types.js';
import { type ObjectList } from './list.js';
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
    list: (list) => list,
    bookmark: (object) => object,
  };
}
