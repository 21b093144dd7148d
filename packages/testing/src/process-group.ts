import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** One running program. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Undefined while it runs, then how it ended. */
  exited(): string | undefined;
  /** The last lines of its output. */
  logTail(): string;
  /** SIGTERM (or `signal`), then SIGKILL after `graceMs` (default 2000). Resolves when it is gone. */
  stop(options?: { signal?: NodeJS.Signals; graceMs?: number }): Promise<void>;
}

/**
 * Runs programs that never outlive this process.
 *
 * Node has no parent-death signal, so a small shell holds the other end of a pipe: when this process ends, however that
 * happens (SIGKILL included), it reads the end of the file, kills what was recorded as running and removes `dir`.
 */
export class ProcessGroup {
  readonly #dir: string;
  readonly #watchdog: ChildProcess;
  readonly #running = new Set<RunningProcess>();

  constructor(dir: string) {
    this.#dir = dir;
    // `detached`: Ctrl-C in a terminal reaches the tests alone, which then stop what they started in order.
    this.#watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', dir], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#watchdog.stdin?.on('error', () => {});
    this.#watchdog.unref();
    (this.#watchdog.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  }

  /** Starts `binary`, its output going to `<dir>/<name>.log`. Rejects when it cannot be started at all. */
  async start(name: string, binary: string, args: readonly string[]): Promise<RunningProcess> {
    const logPath = join(this.#dir, `${name}.log`);
    const log = openSync(logPath, 'a');
    const child = spawn(binary, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    const pid = await spawned(child);
    this.#tell(`add ${pid}`);
    child.unref();

    let ended: string | undefined;
    const gone = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        ended = signal === null ? `exit code ${code}` : signal;
        this.#tell(`del ${pid}`);
        this.#running.delete(running);
        resolve();
      });
    });
    const running: RunningProcess = {
      name,
      pid,
      exited: () => ended,
      logTail: () => readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-5).join('\n'),
      stop: async ({ signal = 'SIGTERM', graceMs = 2000 } = {}) => {
        if (ended !== undefined) return;
        child.ref();
        child.kill(signal);
        const impatience = setTimeout(() => child.kill('SIGKILL'), graceMs);
        await gone;
        clearTimeout(impatience);
      },
    };
    this.#running.add(running);
    return running;
  }

  /** Kills what still runs, removes the directory and ends the watchdog. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.stop({ signal: 'SIGKILL' })));
    await rm(this.#dir, { recursive: true, force: true });
    this.#watchdog.stdin?.end();
  }

  #tell(line: string): void {
    this.#watchdog.stdin?.write(`${line}\n`);
  }
}

const WATCHDOG = `
pids=' '
while read -r verb pid; do
  case $verb in
    add) pids="$pids$pid " ;;
    del) pids=$(printf '%s' "$pids" | sed "s/ $pid / /") ;;
  esac
done
[ "$pids" = ' ' ] || kill -9 $pids 2>/dev/null
rm -rf "$1"
`;

function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid as number));
  });
}
