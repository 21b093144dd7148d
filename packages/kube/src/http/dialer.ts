import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import type { Credentials, TlsMaterial } from '../auth/contract.js';

/** Credentials turned into what undici dials with. */
export interface Dialer {
  readonly credentials: Credentials;
  readonly origin: string;
  /** Path prefix of the server's URL without its last slash. */
  readonly prefix: string;
  readonly connect: buildConnector.connector;
}

/**
 * HTTP/1.1 only: over HTTP/2 one dead connection takes every stream with it and undici does not notice. One connector per TLS
 * material, so that TLS sessions are resumed between connections.
 */
export function dialer(credentials: Credentials, connectTimeoutMs: number): Dialer {
  const url = new URL(credentials.server);
  let connector: buildConnector.connector | undefined;
  return {
    credentials,
    origin: url.origin,
    prefix: url.pathname.replace(/\/+$/, ''),
    connect: (options, callback) => {
      connector ??= connectorFor(url, credentials.tls, connectTimeoutMs);
      return connector(options, callback);
    },
  };
}

function connectorFor(url: URL, tls: TlsMaterial, timeout: number): buildConnector.connector {
  const { servername, rejectUnauthorized } = tls;
  return buildConnector({
    allowH2: false,
    timeout,
    keepAlive: true,
    keepAliveInitialDelay: 10_000,
    // Made once: Node would read the certificates again for each connection, and keep them with it.
    ...(url.protocol === 'https:' ? { secureContext: secureContextOf(tls) } : {}),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  });
}

function secureContextOf({ ca, cert, key, passphrase }: TlsMaterial): SecureContext {
  return createSecureContext({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
  });
}

/** A connector that writes every socket it makes, from the first SYN on, into `ledgers`. */
export function tracked(connect: buildConnector.connector, ...ledgers: Set<Socket>[]): buildConnector.connector {
  return (options, callback) => {
    // The published type says void; the function returns the socket it is opening.
    const socket = (connect as (...args: Parameters<typeof connect>) => Socket)(options, callback);
    for (const ledger of ledgers) {
      ledger.add(socket);
      socket.once('close', () => ledger.delete(socket));
    }
    return socket;
  };
}

export function sameServer(a: Credentials, b: Credentials): boolean {
  return a.server === b.server && (a.tls === b.tls || sameTls(a.tls, b.tls));
}

function sameTls(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    sameBytes(a.ca, b.ca) &&
    sameBytes(a.cert, b.cert) &&
    sameBytes(a.key, b.key) &&
    a.passphrase === b.passphrase &&
    a.servername === b.servername &&
    a.rejectUnauthorized === b.rejectUnauthorized
  );
}

function sameBytes(a: string | Buffer | undefined, b: string | Buffer | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return Buffer.from(a as string).equals(Buffer.from(b as string));
}
