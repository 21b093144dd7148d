import type { ObjectRef, Resource } from '../model.js';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/api/v1/namespaces/shop/configmaps`, the collection of a resource. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope =
    resource.namespaced && namespace !== undefined && namespace !== ''
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : '';
  return `${root}${scope}/${resource.plural}`;
}

export function objectPath(ref: ObjectRef, subresource?: string): string {
  const tail = subresource === undefined ? '' : `/${subresource}`;
  return `${collectionPath(ref.resource, ref.namespace)}/${encodeURIComponent(ref.name)}${tail}`;
}

export function withQuery(path: string, query: Query | undefined): string {
  let whole = path;
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    whole += `${whole.includes('?') ? '&' : '?'}${encodeURIComponent(key)}=${encodeURIComponent(value)}`;
  }
  return whole;
}

/** What RBAC calls a request: read back from its path, so that errors of raw requests are as good as any. */
export interface RequestAttributes {
  readonly verb: string;
  /** `undefined` for non-resource paths such as `/version`. */
  readonly group: string | undefined;
  /** With its subresource, as RBAC writes it: `pods/exec`. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly path: string;
}

export function attributesOf(method: string, pathAndQuery: string): RequestAttributes {
  const [path = '', search = ''] = pathAndQuery.split('?', 2);
  const parts = path.split('/').filter((part) => part !== '');
  const group = parts[0] === 'api' ? '' : parts[0] === 'apis' ? parts[1] : undefined;
  const rest = parts.slice(group === '' ? 2 : 3).map(decodeURIComponent);
  if (group === undefined || rest.length === 0) {
    return {
      verb: method.toLowerCase(),
      group: undefined,
      resource: path,
      namespace: undefined,
      name: undefined,
      path,
    };
  }
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize';
  const [plural = '', named, subresource] = inNamespace ? rest.slice(2) : rest;
  const query = new URLSearchParams(search);
  const selected = /(?:^|,)metadata\.name=([^,]+)/.exec(query.get('fieldSelector') ?? '')?.[1];
  return {
    verb: verbOf(method, named !== undefined, query.has('watch')),
    group,
    resource: subresource === undefined ? plural : `${plural}/${subresource}`,
    namespace: inNamespace ? rest[1] : undefined,
    name: named ?? selected,
    path,
  };
}

function verbOf(method: string, named: boolean, watch: boolean): string {
  switch (method) {
    case 'GET':
      return watch ? 'watch' : named ? 'get' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'DELETE':
      return named ? 'delete' : 'deletecollection';
    default:
      return method.toLowerCase();
  }
}

/** `watch configmaps "cm" in namespace shop`. */
export function describeRequest(request: RequestAttributes): string {
  if (request.group === undefined) return `${request.verb.toUpperCase()} ${request.resource}`;
  const resource = request.group === '' ? request.resource : `${request.resource}.${request.group}`;
  const name = request.name === undefined ? '' : ` "${request.name}"`;
  const place = request.namespace === undefined ? '' : ` in namespace ${request.namespace}`;
  return `${request.verb} ${resource}${name}${place}`;
}
