import { createSecureContext } from 'node:tls';
import type { TlsConfig } from '../config/schema.js';
import { webhookError } from '../errors.js';
import type { TlsMaterial } from '../http/connections.js';
import { isPem } from '../http/pem.js';
import { describeSource, type References } from './references.js';

/** Read for each attempt, so that a rotated certificate counts at once. */
export async function tlsMaterial(tls: TlsConfig | undefined, references: References): Promise<TlsMaterial> {
  if (tls === undefined) return {};
  const { caBundle, clientCertificate, serverName } = tls;
  const ca = caBundle === undefined ? undefined : await authorities(caBundle, references);
  if (clientCertificate === undefined) return { ca, serverName };
  const { secretName: name } = clientCertificate;
  const [cert, key] = await Promise.all(
    ['tls.crt', 'tls.key'].map((entry) => references.text({ secretKeyRef: { name, key: entry } })),
  );
  if (isPair(cert, key)) return { ca, serverName, cert, key };
  throw webhookError('KT_WEBHOOK_REFERENCE_INVALID', `Secret "${name}" has no certificate with its key`, {
    retry: 'backoff',
    fix: 'Store a PEM certificate in tls.crt and its unencrypted PEM key in tls.key',
  });
}

async function authorities(
  { pem, ...source }: NonNullable<TlsConfig['caBundle']>,
  references: References,
): Promise<string> {
  const text = pem ?? (await references.text(source));
  if (isPem(text)) return text;
  throw webhookError('KT_WEBHOOK_REFERENCE_INVALID', `${describeSource(source)} is not a list of PEM certificates`, {
    retry: 'backoff',
    fix: 'Store the certificates of the authorities in it, as PEM',
  });
}

function isPair(cert: string | undefined, key: string | undefined): boolean {
  try {
    createSecureContext({ cert, key });
    return isPem(cert ?? '');
  } catch {
    return false;
  }
}
