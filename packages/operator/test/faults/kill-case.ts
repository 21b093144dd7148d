import { WELL_KNOWN } from '@kube-trigger/kube';
import { eventually, type FaultProxy, type TestCluster } from '@kube-trigger/testing';
import { judge, OperatorProcess, Recorder, Trio, type Verdict, type Write } from './harness.js';

/** One request of a delivery, caught before the server saw it (`toServer`) or after it was carried out (`toClient`). */
export interface KillPoint {
  readonly name: string;
  readonly request: 'begin' | 'patch' | 'settle';
  readonly caught: 'toServer' | 'toClient';
  /** Whether the target has the change by then. */
  readonly rolled: boolean;
}

/** Everything that a kill can come between. */
export const KILL_POINTS: readonly KillPoint[] = [
  { name: 'before "begun" is stored', request: 'begin', caught: 'toServer', rolled: false },
  { name: 'after "begun" is stored', request: 'begin', caught: 'toClient', rolled: false },
  { name: 'before the patch arrives', request: 'patch', caught: 'toServer', rolled: false },
  { name: 'after the patch arrived', request: 'patch', caught: 'toClient', rolled: true },
  { name: 'before "settled" is stored', request: 'settle', caught: 'toServer', rolled: true },
  { name: 'after "settled" is stored', request: 'settle', caught: 'toClient', rolled: true },
];

export interface KillCaseOptions {
  readonly cluster: TestCluster;
  readonly proxy: FaultProxy;
  /** Of the proxy. */
  readonly kubeconfig: string;
}

/** One rule in a namespace of its own, with an operator for it alone, so that cases may run side by side. */
export class KillCase implements AsyncDisposable {
  readonly #writes: Write[] = [];
  #operator: OperatorProcess | undefined;

  private constructor(
    private readonly options: KillCaseOptions,
    readonly trio: Trio,
    private readonly recorder: Recorder,
  ) {}

  static async open(options: KillCaseOptions): Promise<KillCase> {
    const { cluster } = options;
    const namespace = await cluster.createNamespace('point');
    const trio = new Trio(cluster, namespace, 'app', 'StatefulSet');
    await trio.create(0);
    const recorder = new Recorder({ access: cluster, namespace, resource: WELL_KNOWN.StatefulSet });
    await recorder.start();
    return new KillCase(options, trio, recorder);
  }

  get rolls(): number {
    return this.recorder.rolls(this.trio.name).length;
  }

  get verdict(): Verdict {
    return judge({ initial: 0, writes: this.#writes, rolls: this.recorder.rolls(this.trio.name) });
  }

  /** Starts the operator and waits until the rule is Ready. */
  async start(): Promise<void> {
    const args = ['--no-leader-elect', '--namespace', this.trio.namespace];
    this.#operator = await OperatorProcess.start({ kubeconfig: this.options.kubeconfig, args });
    await this.trio.ready();
  }

  async write(state: number): Promise<void> {
    this.#writes.push({ state, sentAtMs: performance.now() });
    await this.trio.write(state);
  }

  async has(state: number): Promise<void> {
    await eventually(() => this.recorder.state(this.trio.name) === state, {
      timeoutMs: 20_000,
      because: `the target should have state ${state}`,
    });
  }

  /** Waits until no delivery is under way, as far as the checkpoint says. */
  async settled(): Promise<void> {
    await eventually(() => this.#isSettled(), { timeoutMs: 20_000, because: 'the delivery should be settled' });
  }

  /** Edits the source and kills the operator once the point's request is caught. */
  async editAndKill({ request, caught }: KillPoint, state: number): Promise<void> {
    const { proxy } = this.options;
    const rolls = this.rolls;
    // The checkpoint is written once before an action and once after it, at least a second later.
    if (request === 'settle') {
      await this.write(state);
      await this.has(state);
    }
    const plural = request === 'patch' ? 'statefulsets' : 'triggercheckpoints';
    const match = { method: 'PATCH', path: new RegExp(`/namespaces/${this.trio.namespace}/${plural}/`) };
    const fault = proxy.inject(match, { freeze: caught });
    if (request !== 'settle') await this.write(state);
    await eventually(() => fault.applied() === 1, { intervalMs: 5, because: `the ${request} should be caught` });
    if (caught === 'toClient') {
      const isDone = {
        begin: async () => !(await this.#isSettled()),
        patch: () => this.rolls > rolls,
        settle: () => this.#isSettled(),
      };
      await eventually(isDone[request], { because: `the ${request} should be carried out` });
    }
    await this.#operator?.stop('SIGKILL');
    await eventually(() => proxy.openExchanges(match) === 0, { because: 'the dead process holds no request' });
    fault.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#operator?.stop('SIGKILL');
    await this.recorder.stop();
  }

  async #isSettled(): Promise<boolean> {
    const remembered = await this.trio.remembered();
    return remembered !== undefined && remembered.begun === undefined;
  }
}
