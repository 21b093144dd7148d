import { ApiError } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import type { ResourceDefinition } from '../resources/definition.js';
import { columnsOf } from '../table/columns.js';
import type { ResourceRequest } from './context.js';
import type { ObjectList } from './list.js';
import { inVersion } from './update.js';

/** How objects are shown to a client, as its Accept header asks. */
export interface Presentation {
  /** Presentations with equal keys give equal lines; undefined when a line is for one client only. */
  readonly key: string | undefined;
  /** `first` is true for the first event of a stream: only that one repeats a Table's column definitions. */
  one(object: KubeObject, first: boolean): unknown;
  list(list: ObjectList): unknown;
}

interface Wanted {
  readonly as: string;
  readonly version: string;
}

/**
 * Chooses among what `Accept` lists, in its order: the object itself, a Table or PartialObjectMetadata of meta.k8s.io/v1 (or v1beta1).
 *
 * @throws ApiError 406 when none of it can be served.
 */
export function presentationOf(request: ResourceRequest): Presentation {
  const { accept, definition } = request;
  for (const part of (accept ?? '*/*').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((each) => each.trim());
    if (!ACCEPTABLE.has(type)) continue;
    const values = new Map(
      parameters.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]),
    );
    const wanted = { as: values.get('as') ?? '', version: values.get('v') ?? '' };
    if (wanted.as === '') return plain(definition);
    if (values.get('g') !== 'meta.k8s.io' || (wanted.version !== 'v1' && wanted.version !== 'v1beta1')) continue;
    if (wanted.as === 'Table') return table(request, wanted);
    if (wanted.as.startsWith('PartialObjectMetadata')) return partial(definition, wanted);
  }
  const list = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
  throw new ApiError(406, 'NotAcceptable', `only the following media types are accepted: ${list}`);
}

const ACCEPTABLE = new Set(['', '*/*', 'application/*', 'application/json', 'application/yaml']);

function plain(definition: ResourceDefinition): Presentation {
  return {
    key: definition.version,
    one: (object) => inVersion(definition, object),
    list: ({ kind, apiVersion, metadata, items }) => ({
      kind,
      apiVersion,
      metadata,
      items: items.map((item) => itemOf(definition, item)),
    }),
  };
}

/** Items of built-in lists carry no apiVersion and kind, as Go leaves them out; custom resources do. */
function itemOf(definition: ResourceDefinition, object: KubeObject): object {
  if (definition.custom) return inVersion(definition, object);
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = object;
  return rest;
}

function partialOf({ metadata }: KubeObject, version: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata };
}

function partial(_definition: ResourceDefinition, { version }: Wanted): Presentation {
  return {
    key: `partial ${version}`,
    one: (object) => partialOf(object, version),
    list: ({ metadata, items }) => ({
      kind: 'PartialObjectMetadataList',
      apiVersion: `meta.k8s.io/${version}`,
      metadata,
      items: items.map((item) => partialOf(item, version)),
    }),
  };
}

function table({ cluster, definition, info }: ResourceRequest, { version }: Wanted): Presentation {
  const columns = columnsOf(definition);
  const include = info.query.get('includeObject') ?? 'Metadata';
  const columnDefinitions = columns.map(({ name, type, format = '', description = '', priority = 0 }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
  const row = (object: KubeObject): object => {
    const now = cluster.now();
    const cells = columns.map(({ cell }) => cell(object, now));
    if (include === 'None') return { cells };
    return { cells, object: include === 'Object' ? inVersion(definition, object) : partialOf(object, version) };
  };
  const head = { kind: 'Table', apiVersion: `meta.k8s.io/${version}` };
  return {
    key: undefined,
    one: (object, first) => ({
      ...head,
      metadata: { resourceVersion: object.metadata.resourceVersion },
      columnDefinitions: first ? columnDefinitions : null,
      rows: isBookmark(object) ? [] : [row(object)],
    }),
    list: ({ metadata, items }) => ({ ...head, metadata, columnDefinitions, rows: items.map(row) }),
  };
}

function isBookmark({ metadata }: KubeObject): boolean {
  return metadata.uid === undefined;
}
