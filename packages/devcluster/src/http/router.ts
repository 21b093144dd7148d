import type { IncomingMessage, ServerResponse } from 'node:http';
import { methodNotAllowed, unauthorized, unknownResource } from '../api-error.js';
import { authorize, impersonate } from '../auth/authorize.js';
import { answerReview, requestToken, type Review, REVIEWS } from '../auth/reviews.js';
import { ADMIN, type Tokens } from '../auth/tokens.js';
import type { Cluster } from '../cluster.js';
import { groupDocument, groupList, resourceList } from '../discovery.js';
import { serveOpenApi } from '../openapi/serve.js';
import type { ResourceRequest, User } from '../rest/context.js';
import { serveResource } from '../rest/handler.js';
import { serveSubresource } from '../rest/subresources.js';
import { VERSION } from '../version.js';
import { decodeObject, readBody } from './body.js';
import type { RequestInfo } from './request-info.js';
import { sendJson, sendText } from './respond.js';

export interface Exchange {
  readonly cluster: Cluster;
  readonly tokens: Tokens;
  readonly info: RequestInfo;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Over plain http client-go sends no credentials at all, so there a request without any is the administrator's, as on `kubectl proxy`.
 */
function withoutCredentials({ request }: Exchange): User | undefined {
  const secure = 'encrypted' in request.socket;
  return secure || request.headers.authorization !== undefined ? undefined : ADMIN;
}

/** Answers one request: authentication, then the handler for its path. */
export async function route(exchange: Exchange): Promise<void> {
  const { info, request, tokens } = exchange;
  const known = tokens.userOf(request.headers.authorization) ?? withoutCredentials(exchange);
  if (known === undefined) throw unauthorized();
  const user = impersonate(exchange.cluster.store, known, request.headers);
  authorize(exchange.cluster.store, user, info);
  if (info.isResource) await routeResource(exchange, user);
  else routeDocument(exchange);
}

function routeDocument({ cluster, info, request, response }: Exchange): void {
  if (info.path === '/openapi/v2') {
    serveOpenApi(cluster.registry, request, response);
    return;
  }
  const document = documentAt(cluster, info);
  if (document === undefined)
    sendText(response, 404, { type: 'text/plain; charset=utf-8', text: '404 page not found\n' });
  else if (typeof document === 'string') sendText(response, 200, { type: 'text/plain; charset=utf-8', text: document });
  else sendJson(response, 200, document);
}

function documentAt({ registry }: Cluster, info: RequestInfo): unknown {
  const path = info.path.replace(/\/+$/, '');
  switch (path) {
    case '':
      return { paths: ['/api', '/api/v1', '/apis', '/healthz', '/livez', '/openapi/v2', '/readyz', '/version'] };
    case '/version':
      return VERSION;
    case '/healthz':
    case '/livez':
    case '/readyz':
      return 'ok';
    case '/api':
      return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    case '/apis':
      return groupList(registry);
    default:
  }
  if (path.startsWith('/apis/') && info.version === '') return groupDocument(registry, info.group);
  return info.version === '' ? undefined : resourceList(registry, info.group, info.version);
}

async function routeReview(
  { cluster, info, request, response, tokens }: Exchange,
  user: User,
  review: Review,
): Promise<void> {
  const body = decodeObject(await readBody(request), request.headers['content-type']);
  sendJson(response, 201, answerReview(review, { store: cluster.store, tokens, user, method: info.method, body }));
}

async function routeToken({ cluster, info, request, response, tokens }: Exchange): Promise<void> {
  if (info.verb !== 'create') throw methodNotAllowed();
  const bytes = await readBody(request);
  const body = bytes.length === 0 ? {} : decodeObject(bytes, request.headers['content-type']);
  const { name, namespace } = info;
  sendJson(response, 201, requestToken({ store: cluster.store, tokens }, { body, name, namespace }));
}

async function routeResource(exchange: Exchange, user: User): Promise<void> {
  const { cluster, info, request, response } = exchange;
  const review = REVIEWS.find(
    ({ group, plural }) => group === info.group && plural === info.resource && info.version === 'v1',
  );
  if (review !== undefined) return routeReview(exchange, user, review);
  const definition = cluster.registry.find(info.group, info.version, info.resource);
  if (definition === undefined) {
    if (resourceList(cluster.registry, info.group, info.version) !== undefined) throw unknownResource();
    sendText(response, 404, { type: 'text/plain; charset=utf-8', text: '404 page not found\n' });
    return;
  }
  if (info.subresource !== '' && !definition.subresources.includes(info.subresource)) throw unknownResource();
  if (info.subresource === 'token') return routeToken(exchange);
  const body = await readBody(request);
  const resource: ResourceRequest = {
    cluster,
    info,
    definition,
    user,
    body,
    contentType: request.headers['content-type'],
    accept: request.headers.accept,
    manager: managerOf(info.query, request.headers['user-agent']),
    dryRun: info.query.get('dryRun') === 'All',
  };
  if (info.subresource === '' || info.subresource === 'status') await serveResource(resource, response);
  else serveSubresource(resource, response);
}

/** Without `fieldManager` the user agent up to its first slash names the manager. */
function managerOf(query: URLSearchParams, userAgent: string | undefined): string {
  return query.get('fieldManager') ?? (userAgent ?? 'unknown').split('/')[0]?.slice(0, 128) ?? 'unknown';
}
