import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FromOperator, Line, LoadPlugins, ToOperator } from './protocol.js';

export interface Loaded {
  /** `kind name` of those that are not bundled. */
  readonly plugins: readonly string[];
  readonly definitions: readonly object[];
}

/** Why plugins cannot be used. */
export class Refused extends Error {
  constructor(readonly reasons: readonly string[]) {
    super(reasons.join('\n'));
  }
}

/** How long plugins may take to load. */
const WITHIN_MS = 20_000;
/** How long it may take to end before it is killed. */
const END_WITHIN_MS = 5000;

/** One process with one load of the plugins in it. Says what its operator does once it is started. */
export class OperatorProcess {
  readonly #child: ChildProcess;
  #ended = false;

  constructor(say: (line: Line) => void) {
    const main = fileURLToPath(new URL('operator-main.js', import.meta.url));
    this.#child = fork(main, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // Node takes the types out of a plugin's TypeScript by itself, and in some versions says so.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#child.on('message', (message: FromOperator) => {
      if (message.type === 'said' && !this.#ended) say(message.line);
    });
    this.#child.once('exit', (code) => {
      if (!this.#ended)
        say({ about: 'operator', text: `it ended by itself, with ${code}; save to start it again`, tone: 'bad' });
      this.#ended = true;
    });
  }

  /** Rejects with `Refused` when one of the plugins cannot be used. */
  async load(wanted: Omit<LoadPlugins, 'type'>): Promise<Loaded> {
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<Loaded>((resolve, reject) => {
      timer = setTimeout(() => reject(new Refused([`they did not load within ${WITHIN_MS / 1000} s`])), WITHIN_MS);
      this.#child.on('message', (message: FromOperator) => {
        if (message.type === 'loaded') resolve(message);
        if (message.type === 'refused') reject(new Refused(message.reasons));
      });
      this.#child.once('exit', () => reject(new Refused(['the process ended while they were loaded'])));
    });
    try {
      this.#tell({ type: 'load', ...wanted });
      return await answer;
    } catch (thrown) {
      await this.stop();
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  start(): void {
    this.#tell({ type: 'start' });
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const exit = once(this.#child, 'exit');
    this.#tell({ type: 'stop' });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_WITHIN_MS);
    await exit;
    clearTimeout(timer);
  }

  #tell(message: ToOperator): void {
    if (this.#child.connected) this.#child.send(message);
  }
}
