import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pause } from '../pause.js';
import { operatorBundle } from './bundle.js';
import { imageRuntime } from './image.js';
import { type PodAccess, podCommand } from './pod.js';
import { type GroupUsage, usageOfGroup } from './usage.js';

export interface ControllerOptions {
  /** Path of a kubeconfig; what `KUBECONFIG` is set to. */
  readonly kubeconfig: string;
  readonly namespace: string;
  /** With the credentials that it has in a pod, not with the kubeconfig. */
  readonly pod?: PodAccess | undefined;
  /** The command of a peer's controller, for a shell. Default: kube-trigger's bundle. */
  readonly against?: string | undefined;
  /** Further arguments of `kube-trigger run`. */
  readonly args?: readonly string[];
  /** Further arguments of node before the program, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** An answer of /metrics takes milliseconds of CPU and its memory: at 20 a second these were a tenth of a start. */
const METRICS_EVERY_MS = 250;
const READYZ_EVERY_MS = 5;

/** Lines of the log that are kept, the last ones. */
const KEPT_LINES = 50;

interface Question {
  readonly isMet: (answer: string) => boolean;
  readonly withinMs: number;
  readonly everyMs: number;
}

const running = new Set<Controller>();
process.once('exit', () => {
  for (const controller of running) controller.kill();
});

/** The controller under test, a process group of its own: what it uses is not what the writer and the recorder use. */
export class Controller implements AsyncDisposable {
  readonly startedAtMs = performance.now();
  readonly #log: string[] = [];
  #healthPort: string | undefined;
  readonly #ended: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    this.#ended = once(child, 'exit').finally(() => running.delete(this));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.#healthPort ??= /"healthPort":(\d+)/.exec(line)?.[1];
        this.#log.push(line);
        if (this.#log.length > KEPT_LINES) this.#log.shift();
      });
    }
    running.add(this);
  }

  /** Resolves once the process was started, which says nothing about its being ready. */
  static async start(options: ControllerOptions): Promise<Controller> {
    const { against, kubeconfig, namespace, pod, nodeArgs = [], args = [], env = {} } = options;
    const image = imageRuntime();
    const own = [
      ...image.nodeArgs,
      ...nodeArgs,
      operatorBundle(),
      'run',
      '--namespace',
      namespace,
      '--no-leader-elect',
      '--health-port',
      '0',
    ];
    const [inner, all] = against === undefined ? [process.execPath, [...own, ...args]] : ['/bin/sh', ['-c', against]];
    const inPod = pod === undefined ? undefined : podCommand(pod);
    const [program, before] = inPod === undefined ? [inner, []] : [inPod.program, [...inPod.args, inner]];
    const child = spawn(program, [...before, ...all], {
      detached: true, // a group of its own, which a peer's shell and its children share
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...(against === undefined ? image.env : {}),
        KUBECONFIG: kubeconfig,
        KUBERNETES_NAMESPACE: namespace,
        ...inPod?.env,
        ...env,
      },
    });
    await once(child, 'spawn');
    const controller = new Controller(child);
    void controller.#ended.finally(() => inPod?.[Symbol.dispose]());
    return controller;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The end of its log, for messages. */
  log(lines = 20): string {
    return this.#log.slice(-lines).join('\n');
  }

  /** Where kube-trigger serves `/readyz` and `/metrics`; undefined before it says so, and for peers. */
  get healthPort(): number | undefined {
    return this.#healthPort === undefined ? undefined : Number(this.#healthPort);
  }

  /** Resolves once `/readyz` says so. */
  async ready(withinMs = 120_000): Promise<void> {
    await this.#asks('/readyz', { isMet: () => true, withinMs, everyMs: READYZ_EVERY_MS });
  }

  /** Resolves once it has said that its watches of these resources have seen everything. */
  async synced(resources: readonly string[], watches: number, withinMs = 300_000): Promise<void> {
    const isSynced = (metrics: string) => {
      const lines = metrics.split('\n').filter((line) => line.startsWith('kube_trigger_watch_synced{'));
      const ours = lines.filter((line) => resources.some((plural) => line.includes(`resource="${plural}"`)));
      return ours.length >= watches && ours.every((line) => line.endsWith(' 1'));
    };
    await this.#asks('/metrics', { isMet: isSynced, withinMs, everyMs: METRICS_EVERY_MS });
  }

  async #asks(path: string, { isMet, withinMs, everyMs }: Question): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const port = this.healthPort;
      const answer =
        port === undefined ? undefined : await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
      const text = await answer?.text();
      if (answer?.ok === true && isMet(text ?? '')) return;
      if (performance.now() > deadline || !this.isRunning)
        throw new Error(`${path} does not answer as wanted within ${withinMs} ms: ${text ?? ''}\n${this.log()}`);
      await pause(everyMs);
    }
  }

  /** Throws when it has ended, with its log. */
  usage(): GroupUsage {
    const usage = usageOfGroup(this.pid);
    if (!this.isRunning || usage.processes === 0) throw new Error(`the controller ended:\n${this.log()}`);
    return usage;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return;
    this.kill(signal);
    const impatience = setTimeout(() => this.kill(), 15_000);
    await this.#ended;
    clearTimeout(impatience);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The group has ended.
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop('SIGKILL');
  }
}
