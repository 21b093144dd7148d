/** What a path and method mean, as the API server's RequestInfo says. */
export interface RequestInfo {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly method: string;
  /** get, list, watch, create, update, patch, delete, deletecollection; the lower-case method for other paths. */
  readonly verb: string;
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
}

const WRITE_VERBS: { readonly [method: string]: string } = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/** Parses `/api/v1/…` and `/apis/GROUP/VERSION/…`, with and without `namespaces/NS`. */
export function requestInfo(method: string, url: string): RequestInfo {
  const parsed = new URL(url, 'http://localhost');
  const path = parsed.pathname;
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const plain: RequestInfo = {
    path,
    query: parsed.searchParams,
    method,
    verb: method.toLowerCase(),
    isResource: false,
    group: '',
    version: '',
    namespace: '',
    resource: '',
    name: '',
    subresource: '',
  };
  const core = parts[0] === 'api';
  if (!core && parts[0] !== 'apis') return plain;
  const rest = parts.slice(core ? 2 : 3);
  const gv = core ? { group: '', version: parts[1] ?? '' } : { group: parts[1] ?? '', version: parts[2] ?? '' };
  if (rest.length === 0) return { ...plain, ...gv };
  // `/api/v1/watch/…` is the old way to ask for a watch; with a name, of that object alone.
  if (rest[0] === 'watch' && rest.length > 1 && method === 'GET') {
    return { ...plain, ...gv, ...splitTarget(rest.slice(1)), isResource: true, verb: 'watch' };
  }
  const target = splitTarget(rest);
  return { ...plain, ...gv, ...target, isResource: true, verb: verbOf(method, target.name, parsed.searchParams) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function splitTarget(rest: string[]): { namespace: string; resource: string; name: string; subresource: string } {
  let namespace = '';
  let at = rest;
  if (at[0] === 'namespaces' && at[1] !== undefined) {
    namespace = at[1];
    // `/namespaces/x/status` is a subresource of the namespace, `/namespaces/x/pods` a resource inside it.
    if (at.length > 2 && at[2] !== 'status' && at[2] !== 'finalize') at = at.slice(2);
  }
  return { namespace, resource: at[0] ?? '', name: at[1] ?? '', subresource: at.slice(2).join('/') };
}

function verbOf(method: string, name: string, query: URLSearchParams): string {
  const write = WRITE_VERBS[method];
  if (write !== undefined) return write;
  if (method === 'DELETE') return name === '' ? 'deletecollection' : 'delete';
  if (method !== 'GET' && method !== 'HEAD') return method.toLowerCase();
  const watch = query.get('watch');
  const watching = watch !== null && watch !== 'false' && watch !== '0';
  if (watching && name === '') return 'watch';
  return name === '' ? 'list' : 'get';
}
