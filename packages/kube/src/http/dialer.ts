import type { Socket } from 'node:net';
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
  const { ca, cert, key, passphrase, servername, rejectUnauthorized } = credentials.tls;
  return {
    credentials,
    origin: url.origin,
    prefix: url.pathname.replace(/\/+$/, ''),
    connect: buildConnector({
      allowH2: false,
      timeout: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: 10_000,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(passphrase === undefined ? {} : { passphrase }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    }),
  };
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
