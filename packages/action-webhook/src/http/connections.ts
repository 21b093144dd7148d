import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { webhookError } from '../errors.js';
import type { AddressPolicy } from './address.js';
import { guardedConnector, type Resolve } from './guard.js';

/** What connections are made with. PEM. */
export interface TlsMaterial {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
}

export interface ConnectionOptions {
  readonly tls: TlsMaterial;
  readonly policy: AddressPolicy;
}

/** A dead host is noticed after this, whatever the attempt's timeout is. */
const CONNECT_TIMEOUT_MS = 10_000;
const SOCKETS_PER_ORIGIN = 64;

/**
 * The connections of one plugin instance. They are kept for the next request as long as they are made in the same way; a rotated
 * certificate gets new ones, and the old ones close when their last request ends.
 */
export class Connections {
  readonly #ledger = new Set<Socket>();
  #current: { readonly id: string; readonly agent: Agent } | undefined;
  #closed = false;

  constructor(private readonly resolve: Resolve | undefined) {}

  /** Sockets that are open or being opened. */
  get openSockets(): number {
    return this.#ledger.size;
  }

  dispatcher({ tls, policy }: ConnectionOptions): Dispatcher {
    if (this.#closed) throw disposed();
    const id = createHash('sha256')
      .update(JSON.stringify([tls, policy]))
      .digest('base64');
    if (this.#current?.id === id) return this.#current.agent;
    const retired = this.#current?.agent;
    this.#current = { id, agent: this.#agent(tls, policy) };
    void retired?.close().catch(() => undefined);
    return this.#current.agent;
  }

  /** Ends requests that are under way and closes every socket. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const ended = this.#current?.agent.destroy(disposed());
    // Those of retired agents, and those that are still being connected.
    for (const socket of this.#ledger) socket.destroy();
    await ended;
  }

  #agent({ ca, cert, key, serverName }: TlsMaterial, policy: AddressPolicy): Agent {
    const tls = {
      timeout: CONNECT_TIMEOUT_MS,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    };
    return new Agent({
      connect: guardedConnector(tls, { policy, resolve: this.resolve, ledger: this.#ledger }),
      connections: SOCKETS_PER_ORIGIN,
      // Else all requests wait for the first connection to say which protocol it speaks, also when that one hangs.
      allowH2: false,
      // The attempt's signal is the only clock: timeoutSeconds may be longer than undici's own limits.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }
}

function disposed(): Error {
  return webhookError('KT_WEBHOOK_DISPOSED', 'the rule is being stopped', {
    retry: 'backoff',
    fix: 'Nothing: the change is found again at the next start',
  });
}
