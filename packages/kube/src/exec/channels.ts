import { TriggerError } from '@kube-trigger/core';
import type { StatusBody } from '../http/problems.js';
import type { ExecResult } from './contract.js';
import { Tail } from './tail.js';

/**
 * What a message of these protocols is: one byte for the channel, then data. v5 differs from v4 only in how stdin ends. Kubernetes 1.20
 * speaks v4, 1.30 and newer both.
 */
export const SUBPROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;

const DEFAULT_TAIL_BYTES = 4096;
/** Longer ones are cut: the node's words may quote the whole command. */
const MAX_SAID = 500;

/** Sorts the messages of one command: output into bounded tails, the status into a result. */
export class Channels {
  readonly #stdout: Tail;
  readonly #stderr: Tail;

  constructor(
    /** What is done, for messages: `get pods/exec "web-0" in namespace shop`. */
    private readonly what: string,
    tailBytes = DEFAULT_TAIL_BYTES,
  ) {
    this.#stdout = new Tail(tailBytes);
    this.#stderr = new Tail(tailBytes);
  }

  /** The result with the status, which is the last message; throws where the command did not run to its end. */
  take(message: Buffer): ExecResult | undefined {
    const data = message.subarray(1);
    switch (message[0]) {
      case STDOUT:
        this.#stdout.add(data);
        return undefined;
      case STDERR:
        this.#stderr.add(data);
        return undefined;
      case STATUS:
        return this.#conclude(data.toString('utf8'));
      default:
        return undefined;
    }
  }

  #conclude(text: string): ExecResult {
    const exitCode = exitCodeOf(parse(text));
    if (exitCode === undefined) throw this.#notRun(parse(text)?.message ?? text);
    return { exitCode, stdout: this.#stdout.end(), stderr: this.#stderr.end() };
  }

  #notRun(said: string): TriggerError {
    const text = said.length > MAX_SAID ? `…${said.slice(-MAX_SAID)}` : said;
    if (isNoProgram(said)) {
      return new TriggerError('KT_KUBE_EXEC_COMMAND', `${this.what}: ${text}`, {
        retry: 'never',
        fix: "Name a program that is in the container's image; a line for a shell needs one around it: [sh, -c, …]",
      });
    }
    return new TriggerError('KT_KUBE_EXEC_FAILED', `${this.what}: ${text}`, { retry: 'backoff' });
  }
}

function parse(text: string): StatusBody | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function exitCodeOf(status: (StatusBody & { readonly status?: string }) | undefined): number | undefined {
  if (status?.status === 'Success') return 0;
  if (status?.reason !== 'NonZeroExitCode') return undefined;
  const code = Number(status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message);
  return Number.isInteger(code) ? code : undefined;
}

/** In the words of runc and crun. */
function isNoProgram(said: string): boolean {
  return /exec: ".*": (executable file not found|stat .*: no such file|permission denied|is a directory)|executable file `.*` not found/s.test(
    said,
  );
}
