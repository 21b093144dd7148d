import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import { type AddressPolicy, type Refusal, refusal } from './address.js';

/** Resolves a name to all its addresses (none with an error). Default: the system's resolver. */
export type Resolve = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** Thrown before a byte is sent. */
export class AddressRefused extends Error {
  readonly code = 'KT_WEBHOOK_ADDRESS_REFUSED';

  constructor(readonly reason: Refusal) {
    super(reason.why);
  }
}

export interface GuardOptions {
  readonly policy: AddressPolicy;
  readonly resolve?: Resolve | undefined;
  /** Every socket that is open or being opened is in here. */
  readonly ledger: Set<Socket>;
}

/**
 * A connector that looks at the address it is about to connect to, not at the name: what a name resolved to a moment ago does not
 * count, so a name that changes its mind (DNS rebinding) gains nothing. One refused address refuses the name.
 */
export function guardedConnector(
  tls: buildConnector.BuildOptions,
  { policy, resolve = resolveAll, ledger }: GuardOptions,
): buildConnector.connector {
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      const refused = addresses.map(({ address }) => refusal(address, policy)).find((reason) => reason !== undefined);
      const [first] = addresses;
      if (error !== null) callback(error, '', 0);
      else if (refused !== undefined) callback(new AddressRefused(refused), '', 0);
      else if (first === undefined) callback(new Error('the name has no address'), '', 0);
      else if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    });
  };
  // HTTP/1.1: over HTTP/2 one dead connection takes every request with it and undici does not notice.
  const connect = buildConnector({ ...tls, lookup, allowH2: false, keepAlive: true, keepAliveInitialDelay: 10_000 });
  return (options, callback) => {
    // Node.js looks up no literals.
    const refused = isIP(options.hostname) > 0 ? refusal(options.hostname, policy) : undefined;
    if (refused !== undefined) {
      callback(new AddressRefused(refused), null);
      return;
    }
    // The published type says void; the function returns the socket it is opening.
    const socket = (connect as (...args: Parameters<typeof connect>) => Socket)(options, callback);
    ledger.add(socket);
    socket.once('close', () => ledger.delete(socket));
  };
}

function resolveAll(hostname: string, done: Parameters<Resolve>[1]): void {
  dnsLookup(hostname, { all: true }, (error, addresses) => done(error, error === null ? addresses : []));
}
