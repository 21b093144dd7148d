import { createHmac } from 'node:crypto';
import { webhookError } from '../errors.js';

const MIN_BYTES = 24;
const MAX_BYTES = 64;

/**
 * Signing keys out of a Secret's value: `whsec_` (which may be left out) and base64, several of them separated by white space.
 * Rejects everything else: a lenient decoder would sign with a key that the receiver does not have. The value is never quoted.
 */
export function signingKeys(value: string, where: string): Buffer[] {
  const keys = value
    .trim()
    .split(/\s+/)
    .map((text) => decoded(text.replace(/^whsec_/, '')));
  const fit = keys.filter((key) => key !== undefined);
  if (fit.length === keys.length) return fit;
  throw webhookError(
    'KT_WEBHOOK_REFERENCE_INVALID',
    `${where} holds no signing key of ${MIN_BYTES} to ${MAX_BYTES} bytes`,
    {
      retry: 'backoff',
      fix: 'Store "whsec_" and base64 in it, e.g. the output of: echo "whsec_$(openssl rand -base64 32)"',
    },
  );
}

function decoded(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const key = Buffer.from(text, 'base64');
  return key.length >= MIN_BYTES && key.length <= MAX_BYTES ? key : undefined;
}

export interface Signed {
  readonly id: string;
  readonly nowMs: number;
  readonly body: string;
}

/** The headers of Standard Webhooks: one HMAC-SHA256 per key over id, time and body. */
export function signatureHeaders(keys: readonly Buffer[], { id, nowMs, body }: Signed): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const content = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`);
  return { 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
