import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

/** The operator as its users run it: a process of its own, told what to do by its command line. */
export class OperatorProcess {
  static readonly #running = new Set<ChildProcess>();

  private constructor(
    private readonly child: ChildProcess,
    readonly healthPort: number,
    private readonly lines: readonly string[],
  ) {}

  /** Ends every one that runs, also one that is just starting. */
  static async endAll(): Promise<void> {
    await Promise.all([...OperatorProcess.#running].map(terminate));
  }

  /** What it said last. */
  get log(): readonly string[] {
    return this.lines.slice(-20);
  }

  /** Resolves once it serves its health port. */
  static async start(kubeconfig: string): Promise<OperatorProcess> {
    const main = fileURLToPath(import.meta.resolve('@kube-trigger/operator/main'));
    const args = [main, 'run', '--kubeconfig', kubeconfig, '--health-port', '0'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    OperatorProcess.#running.add(child);
    child.once('exit', () => OperatorProcess.#running.delete(child));
    const log: string[] = [];
    const port = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the operator exited with ${code}:\n${log.join('\n')}`)));
      createInterface({ input: child.stderr ?? process.stdin }).on('line', (line) => {
        log.push(line);
        const found = /"healthPort":(\d+)/.exec(line)?.[1];
        if (found !== undefined) resolve(Number(found));
      });
    });
    return new OperatorProcess(child, await port, log);
  }

  async isReady(): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.healthPort}/readyz`);
    await answer.arrayBuffer();
    return answer.ok;
  }

  /** SIGTERM, and the exit code that it led to. */
  stop(): Promise<number | null> {
    return terminate(this.child);
  }
}

async function terminate(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = (await exit) as [number | null];
  return code;
}
