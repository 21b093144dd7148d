import { isTriggerError } from '@kube-trigger/core';
import { attributesOf, describeRequest, objectPath } from '../http/api-path.js';
import { clientClosed, networkError } from '../http/problems.js';
import type { Transport } from '../http/transport.js';
import { deadline } from '../time.js';
import { WELL_KNOWN } from '../well-known.js';
import { Channels } from './channels.js';
import type { ExecOptions, ExecRequest, ExecResult } from './contract.js';

/** Loaded with the first command: undici's WebSocket brings all of its fetch, 13 MB of memory. */
const CONVERSE = () => import('./converse.js');

/** Longer than any command may take: what timers hold at most. */
const UNLIMITED_MS = 2 ** 31 - 1;

/** Commands in containers: one WebSocket each, with the credentials of all requests. Only a 401 is repeated, once, after a reload. */
export class Execer {
  constructor(private readonly transport: Transport) {}

  async run(request: ExecRequest, options: ExecOptions): Promise<ExecResult> {
    options.signal?.throwIfAborted();
    const { execLost } = await CONVERSE();
    const path = pathOf(request);
    const attributes = attributesOf('GET', path);
    const { scheduler } = this.transport;
    using limit = deadline(options.timeoutMs ?? UNLIMITED_MS, scheduler, options.signal);
    for (let reloaded = false; ; reloaded = true) {
      try {
        return await this.#once({ path, tailBytes: options.tailBytes, signal: limit.signal });
      } catch (thrown) {
        options.signal?.throwIfAborted();
        if (this.transport.closed) throw clientClosed();
        const late = limit.expired ? execLost(attributes, `no exit status within ${options.timeoutMs} ms`) : undefined;
        const error = late ?? (isTriggerError(thrown) ? thrown : networkError(attributes, thrown));
        this.transport.failed(error.code);
        if (error.code !== 'KT_KUBE_UNAUTHORIZED' || reloaded) throw error;
        await this.transport.reload();
      }
    }
  }

  async #once(call: { path: string; tailBytes: number | undefined; signal: AbortSignal }): Promise<ExecResult> {
    if (this.transport.closed) throw clientClosed();
    const { path, tailBytes, signal } = call;
    const { scheduler, timings } = this.transport;
    const attributes = attributesOf('GET', path);
    const channels = new Channels(describeRequest(attributes), tailBytes);
    const line = await this.transport.line();
    this.transport.counters.requests += 1;
    try {
      const { converse } = await CONVERSE();
      return await converse(line, { path, attributes, channels, signal, scheduler, timings });
    } finally {
      line.destroy();
    }
  }
}

function pathOf({ namespace, pod, container, command }: ExecRequest): string {
  const query = new URLSearchParams(command.map((word): [string, string] => ['command', word]));
  if (container !== undefined) query.set('container', container);
  query.set('stdout', 'true');
  query.set('stderr', 'true');
  return `${objectPath({ resource: WELL_KNOWN.Pod, namespace, name: pod }, 'exec')}?${query.toString()}`;
}
