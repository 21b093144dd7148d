import type { TriggerError } from '@kube-trigger/core';
import { webhookError } from '../errors.js';
import { parseWebUrl } from '../targets/web-url.js';
import type { Answer } from './exchange.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isRedirect({ status }: Answer): boolean {
  return REDIRECTS.has(status);
}

/**
 * Where a redirect leads, if it may be followed: same host, same port or from http to https. Credentials and the signed body go with
 * the request, so another host never gets them. Method and body stay; a 303, which asks for a GET, is refused unless it was one.
 */
export function nextUrl(from: URL, { status, headers }: Answer, method: string): URL | TriggerError {
  const location = headers.location;
  if (location === undefined || !URL.canParse(location, from.href)) return refused(status, 'to no readable place');
  const { url, issue } = parseWebUrl(new URL(location, from).href);
  if (url === undefined) return refused(status, `to a URL that ${issue}`);
  if (status === 303 && method !== 'GET') return refused(status, 'to a page about the result, which is no delivery');
  if (url.hostname !== from.hostname) return refused(status, 'to another host');
  if (url.protocol === 'http:' && from.protocol === 'https:') return refused(status, 'from https to http');
  if (url.protocol === from.protocol && url.port !== from.port) return refused(status, 'to another port');
  return url;
}

/** The location is not quoted: it may hold what the receiver made of the request. */
function refused(status: number, where: string): TriggerError {
  return webhookError('KT_WEBHOOK_REDIRECT', `answered ${status} and redirects ${where}`, {
    retry: 'never',
    fix: 'Write the final URL into the rule',
    facts: { status },
  });
}
