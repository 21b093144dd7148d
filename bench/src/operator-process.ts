import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { imageRuntime } from './suite/image.js';

export interface OperatorProcessOptions {
  readonly kubeconfig: string;
  /** Further arguments of `kube-trigger run`. */
  readonly args?: readonly string[];
  /** How far its clock is ahead of the machine's. Default 0. */
  readonly clockAheadMs?: number;
}

/** Lines of the log that are kept, the last ones. */
const KEPT_LINES = 200;

/** The operator as its users run it: the built program as a process of its own. */
export class OperatorProcess {
  readonly #log: string[];

  private constructor(
    private readonly child: ChildProcess,
    readonly healthPort: number,
    log: string[],
  ) {
    this.#log = log;
  }

  /** Resolves once it serves its health port. Rejects with its log when it ends before that. */
  static async start({ kubeconfig, args = [], clockAheadMs = 0 }: OperatorProcessOptions): Promise<OperatorProcess> {
    const clock = clockAheadMs === 0 ? [] : ['--import', clockAhead(clockAheadMs)];
    const image = imageRuntime();
    const own = ['run', '--kubeconfig', kubeconfig, '--health-port', '0', ...args];
    const all = [...image.nodeArgs, ...clock, operatorMain(), ...own];
    const env = { ...process.env, ...image.env };
    const child = spawn(process.execPath, all, { stdio: ['ignore', 'ignore', 'pipe'], env });
    const log: string[] = [];
    const port = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) =>
        reject(new Error(`the operator ended (${signal ?? code}):\n${log.join('\n')}`)),
      );
      createInterface({ input: child.stderr ?? process.stdin }).on('line', (line) => {
        log.push(line);
        if (log.length > KEPT_LINES) log.shift();
        const found = /"healthPort":(\d+)/.exec(line)?.[1];
        if (found !== undefined) resolve(Number(found));
      });
    });
    return new OperatorProcess(child, await port, log);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The end of its log, for messages. */
  log(lines = 20): string {
    return this.#log.slice(-lines).join('\n');
  }

  /** Undefined when it is ready, else what it says. A process that is stopped or gone is not ready. */
  async notReadyBecause(): Promise<string | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.healthPort}/readyz`, { signal: AbortSignal.timeout(2000) });
      const text = await answer.text();
      return answer.ok ? undefined : text;
    } catch (error) {
      return String(error);
    }
  }

  /** One sample of `/metrics` by name, summed over its labels. Undefined when there is none. */
  async metric(name: string): Promise<number | undefined> {
    const answer = await fetch(`http://127.0.0.1:${this.healthPort}/metrics`, { signal: AbortSignal.timeout(2000) });
    const lines = (await answer.text()).split('\n').filter((line) => new RegExp(`^${name}[ {]`).test(line));
    if (lines.length === 0) return undefined;
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends the signal and waits for the end. Returns the exit code, null when a signal ended it. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    if (!this.running) return this.child.exitCode;
    const exit = once(this.child, 'exit');
    this.child.kill(signal);
    const [code] = (await exit) as [number | null];
    return code;
  }

  /** Resident memory in bytes, and open sockets, as the kernel counts them. Undefined when it is gone. */
  usage(): { readonly rssBytes: number; readonly sockets: number } | undefined {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      const rssBytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
      const folder = `/proc/${this.pid}/fd`;
      const sockets = readdirSync(folder).filter((fd) => isSocket(`${folder}/${fd}`)).length;
      return Number.isNaN(rssBytes) ? undefined : { rssBytes, sockets };
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    return false;
  }
}

/** A module that moves the wall clock of a process. Timers and the monotonic clock stay: skew is between the clocks of machines. */
function clockAhead(ms: number): string {
  const code = `
    const True = Date;
    globalThis.Date = class Date extends True {
      constructor(...args) { args.length === 0 ? super(True.now() + ${ms}) : super(...args); }
      static now() { return True.now() + ${ms}; }
    };`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** The built program. Throws when it was not built. */
export function operatorMain(): string {
  const main = fileURLToPath(import.meta.resolve('@kube-trigger/operator/main'));
  if (!existsSync(main)) throw new Error(`${main} does not exist: build it with \`tsc -b packages/operator\``);
  return main;
}
