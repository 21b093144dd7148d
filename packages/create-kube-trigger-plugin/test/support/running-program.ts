import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '@kube-trigger/testing';

/** A program that runs until it is told to end, and what it says. */
export class RunningProgram implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = '';

  constructor(command: string, args: readonly string[], cwd: string) {
    this.#child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until it says this, and returns what was matched. */
  async said(what: RegExp): Promise<string> {
    try {
      return await eventually(() => what.exec(this.#output)?.[0], { because: 'it should say it', timeoutMs: 60_000 });
    } catch (thrown) {
      throw new Error(`it did not say ${what.source}, but:\n${this.#output}`, { cause: thrown });
    }
  }

  /** As by Ctrl-C: the signal goes to all of its processes. */
  async end(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const closed = once(this.#child, 'close');
    process.kill(-pid, 'SIGINT');
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}
