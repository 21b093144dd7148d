import type { IncomingHttpHeaders } from 'node:http';
import { TriggerError, type RetryHint } from '@kube-trigger/core';
import type { KubeErrorCode } from '../errors.js';
import { describeRequest, type RequestAttributes } from './api-path.js';

/** The parts of a `v1.Status` that errors are made of. */
export interface StatusBody {
  readonly kind?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly field?: string; readonly reason?: string; readonly message?: string }[];
  };
}

const CODE_BY_STATUS: Readonly<Record<number, KubeErrorCode>> = {
  400: 'KT_KUBE_INVALID',
  401: 'KT_KUBE_UNAUTHORIZED',
  403: 'KT_KUBE_FORBIDDEN',
  404: 'KT_KUBE_NOT_FOUND',
  405: 'KT_KUBE_INVALID',
  406: 'KT_KUBE_INVALID',
  409: 'KT_KUBE_CONFLICT',
  410: 'KT_KUBE_EXPIRED',
  413: 'KT_KUBE_INVALID',
  415: 'KT_KUBE_INVALID',
  422: 'KT_KUBE_INVALID',
  429: 'KT_KUBE_TOO_MANY_REQUESTS',
};

/** The error for an answer that is not 2xx, or for an `ERROR` event in a watch. */
export function statusError(
  request: RequestAttributes,
  status: number,
  body: StatusBody | undefined,
  headers: IncomingHttpHeaders = {},
): TriggerError {
  const code = CODE_BY_STATUS[status] ?? (status >= 500 ? 'KT_KUBE_SERVER_ERROR' : 'KT_KUBE_INVALID');
  const afterMs = retryAfterMs(headers, body);
  const fix = code === 'KT_KUBE_FORBIDDEN' ? rbacFix(request) : undefined;
  return new TriggerError(code, `${describeRequest(request)}: ${status} ${messageOf(request, code, body)}`, {
    retry: retryOf(code, afterMs),
    ...(fix === undefined ? {} : { fix }),
    facts: { status, verb: request.verb, resource: request.resource, namespace: request.namespace ?? '' },
  });
}

/** The error for an exchange that got no answer. */
export function networkError(request: RequestAttributes, cause: unknown): TriggerError {
  const code = errorCode(cause);
  const certificate = code !== undefined && /CERT|SSL|TLS|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(code);
  return new TriggerError('KT_KUBE_UNREACHABLE', `${describeRequest(request)}: ${reasonOf(cause)}`, {
    retry: 'backoff',
    cause,
    ...(certificate ? { fix: "Check the certificate authority and the server's name in the kubeconfig" } : {}),
    facts: { verb: request.verb, resource: request.resource, ...(code === undefined ? {} : { network: code }) },
  });
}

export function badResponse(request: RequestAttributes, what: string, cause?: unknown): TriggerError {
  return new TriggerError('KT_KUBE_BAD_RESPONSE', `${describeRequest(request)}: ${what}`, { retry: 'backoff', cause });
}

export function clientClosed(): TriggerError {
  return new TriggerError('KT_KUBE_CLOSED', 'the client was closed', { retry: 'never' });
}

function retryOf(code: KubeErrorCode, afterMs: number | undefined): RetryHint {
  if (code === 'KT_KUBE_INVALID') return 'never';
  return afterMs === undefined ? 'backoff' : { afterMs };
}

/** An API server that asks for more is asked again all the same: whoever waits is blind, or holds a key up. */
const MAX_RETRY_AFTER_MS = 60_000;

/** `Retry-After`, at most a minute. */
function retryAfterMs(headers: IncomingHttpHeaders, body: StatusBody | undefined): number | undefined {
  const askedMs = askedToWaitMs(headers, body);
  return askedMs === undefined ? undefined : Math.min(askedMs, MAX_RETRY_AFTER_MS);
}

/** In seconds or as an HTTP date, else the Status' own field. Only 429 and 503 carry one that counts. */
function askedToWaitMs(headers: IncomingHttpHeaders, body: StatusBody | undefined): number | undefined {
  const header = headers['retry-after'];
  if (header !== undefined) {
    const seconds = Number(header);
    if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
    const date = Date.parse(header);
    if (!Number.isNaN(date)) return Math.max(0, date - Date.now());
  }
  const seconds = body?.details?.retryAfterSeconds;
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}

/**
 * The server's words, bounded, without what it may have quoted from the request: for Secrets only which field was wrong, and the
 * decoder's "error found in … bigger context" (it quotes the body) is always cut.
 */
function messageOf(request: RequestAttributes, code: KubeErrorCode, body: StatusBody | undefined): string {
  const causes = (body?.details?.causes ?? []).map((cause) => `${cause.field ?? '?'}: ${cause.reason ?? 'invalid'}`);
  if (code === 'KT_KUBE_INVALID' && request.resource.startsWith('secrets')) {
    return [body?.reason ?? 'refused', ...causes].join('; ').slice(0, 500);
  }
  // An eviction's refusal: its causes name the budget.
  const why = code === 'KT_KUBE_TOO_MANY_REQUESTS' ? (body?.details?.causes ?? []) : [];
  const message = body?.message ?? body?.reason ?? 'no explanation';
  const said = [message, ...why.flatMap((cause) => cause.message ?? [])]
    .join(' ')
    .replace(/,? ?error found in #[\s\S]*$/, '');
  return said.length > 1000 ? `${said.slice(0, 1000)}…` : said;
}

function rbacFix(request: RequestAttributes): string {
  if (request.group === undefined) {
    return `Grant it with a ClusterRole rule {nonResourceURLs: ["${request.resource}"], verbs: ["${request.verb}"]}`;
  }
  // A WebSocket is opened by GET, but from Kubernetes 1.35 on needs "create" as well. Names of pods do not last.
  const exec = request.resource === 'pods/exec';
  const listed = request.verb === 'watch' || request.verb === 'list';
  const verbs = exec ? '"get", "create"' : listed ? '"list", "watch"' : `"${request.verb}"`;
  const unnamed = exec || request.name === undefined || request.verb === 'create';
  const names = unnamed ? '' : `, resourceNames: ["${request.name}"]`;
  const where = request.namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${request.namespace}`;
  return `Add to ${where}: {apiGroups: ["${request.group}"], resources: ["${request.resource}"], verbs: [${verbs}]${names}}`;
}

function errorCode(cause: unknown): string | undefined {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'no answer';
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : undefined;
  const message = first instanceof Error ? first.message : cause.message;
  return message === '' ? (errorCode(cause) ?? cause.name) : message;
}
