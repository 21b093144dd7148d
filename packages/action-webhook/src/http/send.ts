import { isTriggerError, type TriggerError } from '@kube-trigger/core';
import type { WebhookConfig } from '../config/schema.js';
import { webhookError } from '../errors.js';
import type { Message } from '../message/compose.js';
import { includesCode } from './codes.js';
import { type Answer, exchange, type Line } from './exchange.js';
import { AddressRefused } from './guard.js';
import { isRedirect, nextUrl } from './redirect.js';
import { retryAfterMs } from './retry-after.js';

/** Which answers are good, which are worth a repetition, and how far a redirect is followed. */
export type Manners = Pick<WebhookConfig, 'successCodes' | 'retryCodes' | 'followRedirects'>;

/**
 * Sends the message and judges the answer. Resolves with its status; rejects with a `TriggerError` that says whether a repetition
 * helps and quotes neither what was sent nor what was answered, or with the signal's reason.
 */
export async function send(url: URL, message: Message, line: Line & { readonly manners: Manners }): Promise<number> {
  const { manners, signal, scheduler } = line;
  let to = url;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await answerOf(to, message, line);
    const { status } = answer;
    if (includesCode(manners.successCodes, status)) return status;
    signal.throwIfAborted();
    if (!isRedirect(answer) || manners.followRedirects === 0) throw refusedBy(answer, manners, scheduler.now());
    const next = redirects === manners.followRedirects ? tooMany(answer) : nextUrl(to, answer, message.method);
    if (isTriggerError(next)) throw next;
    to = next;
  }
}

async function answerOf(url: URL, message: Message, line: Line): Promise<Answer> {
  try {
    return await exchange(url, message, line);
  } catch (thrown) {
    if (line.signal.aborted) throw line.signal.reason;
    throw isTriggerError(thrown) ? thrown : unanswered(thrown);
  }
}

function refusedBy({ status, headers }: Answer, { retryCodes }: Manners, nowMs: number): TriggerError {
  const repeatable = includesCode(retryCodes, status);
  const afterMs = repeatable ? retryAfterMs(headers['retry-after'], nowMs) : undefined;
  const wait = afterMs === undefined ? '' : ` and asks to wait ${Math.ceil(afterMs / 1000)} s`;
  return webhookError('KT_WEBHOOK_STATUS', `answered ${status}${wait}`, {
    retry: repeatable ? (afterMs === undefined ? 'backoff' : { afterMs }) : 'never',
    fix: fixOf(status),
    facts: { status },
  });
}

function fixOf(status: number): string {
  if (status >= 300 && status < 400) return 'Write the final URL into the rule, or set followRedirects';
  if (status === 401 || status === 403)
    return 'Check the credentials in headers, the signature, or the client certificate';
  if (status === 404 || status === 405 || status === 410) return 'Check path and method';
  if (status === 413 || status === 415 || status === 422 || status === 400) return 'Check body or cloudEvents';
  return "Look at the receiver's log for this webhook-id";
}

function tooMany({ status }: Answer): TriggerError {
  return webhookError('KT_WEBHOOK_REDIRECT', `answered ${status}: more redirects than followRedirects`, {
    retry: 'never',
    fix: 'Write the final URL into the rule',
    facts: { status },
  });
}

const TLS_CODE = /CERT|SSL|TLS|SELF_SIGNED|ALTNAME|UNABLE_TO/;

/** Messages of sockets and resolvers name hosts and ports only; anything else is told by its code. */
function unanswered(thrown: unknown): TriggerError {
  const error = innermost(thrown);
  if (error instanceof AddressRefused) {
    const { why, fix } = error.reason;
    return webhookError('KT_WEBHOOK_ADDRESS_REFUSED', why, { retry: 'never', fix });
  }
  const { code = 'UNKNOWN' } = error as { code?: string };
  const said = `${error.message.split('\n')[0]?.slice(0, 200) ?? ''} (${code})`;
  if (TLS_CODE.test(code)) {
    return webhookError('KT_WEBHOOK_TLS', said, {
      retry: 'backoff',
      fix: "Check tls.caBundle, tls.serverName and the receiver's certificate",
      facts: { network: code },
    });
  }
  return webhookError('KT_WEBHOOK_UNREACHABLE', said, {
    retry: 'backoff',
    fix: 'Check host and port, network policies, and whether the receiver runs',
    facts: { network: code },
  });
}

/** Of several addresses that were tried, the first failure; refusals are wrapped by some versions of Node.js. */
function innermost(thrown: unknown): Error {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return innermost(thrown.errors[0]);
  if (thrown instanceof Error && thrown.cause instanceof AddressRefused) return thrown.cause;
  return thrown instanceof Error ? thrown : new Error('no answer');
}
