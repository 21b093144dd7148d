import { TriggerError } from '@kube-trigger/core';
import { interval, type SchedulerLike, type Subscription } from 'rxjs';
import { ping, WebSocket } from 'undici';
import { describeRequest, type RequestAttributes } from '../http/api-path.js';
import { badResponse, networkError } from '../http/problems.js';
import { USER_AGENT } from '../http/requester.js';
import type { Line } from '../http/transport.js';
import { deadline, type Deadline } from '../time.js';
import type { KubeTimings } from '../timings.js';
import { type Channels, SUBPROTOCOLS } from './channels.js';
import type { ExecResult } from './contract.js';
import { refusals } from './refusals.js';

export interface Conversation {
  /** With its query. */
  readonly path: string;
  readonly attributes: RequestAttributes;
  readonly channels: Channels;
  readonly signal: AbortSignal;
  readonly scheduler: SchedulerLike;
  readonly timings: KubeTimings;
}

/**
 * Runs one command over a line of its own and resolves with its status. Rejects with the signal's reason when that aborts, and when the
 * connection ends or goes silent before the status came. The caller destroys the line.
 */
export async function converse(line: Line, call: Conversation): Promise<ExecResult> {
  const { attributes, channels, signal, scheduler, timings } = call;
  using alive = deadline(timings.requestTimeoutMs, scheduler, signal);
  signal.throwIfAborted();
  let refusal: TriggerError | undefined;
  let pings: Subscription | undefined;
  const socket = new WebSocket(`${line.dial.origin}${line.dial.prefix}${call.path}`, {
    protocols: SUBPROTOCOLS,
    headers: { 'user-agent': USER_AGENT, ...line.headers },
    dispatcher: line.client.compose(refusals(attributes, (error) => (refusal ??= error))),
  });
  socket.binaryType = 'arraybuffer';
  try {
    return await new Promise<ExecResult>((resolve, reject) => {
      alive.signal.addEventListener('abort', () => {
        const reason = alive.signal.reason as Error;
        if (!alive.expired) reject(reason);
        else reject(pings === undefined ? networkError(attributes, reason) : execLost(attributes, reason.message));
      });
      socket.addEventListener('open', () => {
        pings = keepAlive(socket, line, { alive, scheduler, timings });
      });
      socket.addEventListener('message', ({ data }: { readonly data: unknown }) => {
        try {
          if (!(data instanceof ArrayBuffer)) throw badResponse(attributes, 'a message of the WebSocket is text');
          const result = channels.take(Buffer.from(data));
          if (result !== undefined) resolve(result);
        } catch (error) {
          reject(error);
        }
      });
      socket.addEventListener('close', ({ code }) => {
        reject(refusal ?? execLost(attributes, `the connection ended (${code}) before the exit status came`));
      });
    });
  } finally {
    pings?.unsubscribe();
  }
}

interface Liveness {
  readonly alive: Deadline;
  readonly scheduler: SchedulerLike;
  readonly timings: KubeTimings;
}

/**
 * A half-open connection says nothing by itself. Whoever is at its other end answers a ping: every byte counts as a sign of life. While there
 * is output no ping is needed, and it would harm: one that arrives as the server closes makes its kernel reset the connection, and the
 * status is lost.
 */
function keepAlive(socket: WebSocket, line: Line, { alive, scheduler, timings }: Liveness): Subscription {
  let heard = line.heard();
  alive.touch(timings.execSilenceMs);
  return interval(timings.execPingMs, scheduler).subscribe(() => {
    const now = line.heard();
    if (now > heard) alive.touch();
    else ping(socket);
    heard = now;
  });
}

export function execLost(attributes: RequestAttributes, why: string): TriggerError {
  return new TriggerError('KT_KUBE_EXEC_LOST', `${describeRequest(attributes)}: ${why}`, {
    retry: 'backoff',
    fix: 'The command may have run, or still be running; if this goes on, see whether the node and its kubelet are well',
  });
}
