import { WELL_KNOWN } from '@kube-trigger/kube';
import { eventually, type FaultProxy, kubeconfigFor, startFaultProxy, type TestCluster } from '@kube-trigger/testing';
import {
  type Condition,
  judge,
  OperatorProcess,
  Recorder,
  TcpLink,
  Trio,
  type Verdict,
  type Write,
} from './harness.js';

export interface FaultyNetworkOptions {
  readonly cluster: TestCluster;
  /** Rules to make, each with a source and a target of its name. */
  readonly rules: readonly string[];
  /** Whose token the operator uses. Default: the administrator's. */
  readonly token?: (namespace: string) => Promise<string>;
  /** By rule: its source where it is not the example's form. */
  readonly sources?: Readonly<Record<string, object>>;
}

/**
 * An operator whose way to the API server leads over a TCP link and an HTTP proxy, both with faults to switch on, and a recorder and a
 * writer that go straight there. In a namespace of its own.
 */
export class FaultyNetwork implements AsyncDisposable {
  readonly #trios = new Map<string, Trio>();
  readonly #writes = new Map<string, Write[]>();

  private constructor(
    readonly namespace: string,
    readonly proxy: FaultProxy,
    readonly link: TcpLink,
    readonly operator: OperatorProcess,
    private readonly recorder: Recorder,
    trios: readonly Trio[],
  ) {
    for (const trio of trios) this.#trios.set(trio.name, trio);
  }

  /** Resolves when every rule is Ready. */
  static async open({ cluster, rules, token, sources = {} }: FaultyNetworkOptions): Promise<FaultyNetwork> {
    const namespace = await cluster.createNamespace('net');
    const proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca });
    const link = await TcpLink.to(proxy.url);
    const trios = rules.map((name) => new Trio(cluster, namespace, name, 'StatefulSet'));
    for (const trio of trios) await trio.create(0, sources[trio.name]);
    const recorder = new Recorder({ access: cluster, namespace, resource: WELL_KNOWN.StatefulSet });
    await recorder.start();
    const access = { url: link.url, token: (await token?.(namespace)) ?? cluster.token };
    const kubeconfig = await cluster.writeKubeconfig(undefined, kubeconfigFor(access));
    const operator = await OperatorProcess.start({ kubeconfig, args: ['--no-leader-elect', '--namespace', namespace] });
    const network = new FaultyNetwork(namespace, proxy, link, operator, recorder, trios);
    for (const trio of trios) await trio.ready();
    return network;
  }

  trio(name: string): Trio {
    const trio = this.#trios.get(name);
    if (trio === undefined) throw new Error(`there is no rule ${name}`);
    return trio;
  }

  async write(name: string, state: number): Promise<void> {
    const writes = this.#writes.get(name) ?? [];
    this.#writes.set(name, writes);
    writes.push({ state, sentAtMs: performance.now() });
    await this.trio(name).write(state);
  }

  /** Waits until the target has the state; says the operator's log when it does not come. */
  async has(name: string, state: number, withinMs: number): Promise<void> {
    await eventually(() => this.recorder.state(name) === state, {
      timeoutMs: withinMs,
      intervalMs: 10,
      because: `${name} should have state ${state}`,
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\noperator log:\n${this.operator.log()}`, { cause: error });
    });
  }

  /** Waits for a condition with this status and message. */
  async condition(
    name: string,
    wanted: { readonly type: string; readonly status: string; readonly message?: RegExp },
    withinMs: number,
  ): Promise<Condition> {
    return eventually(
      async () => {
        const found = await this.trio(name).condition(wanted.type);
        if (found?.status === wanted.status && (wanted.message?.test(found.message) ?? true)) return found;
        throw new Error(`it is ${JSON.stringify(found)}`);
      },
      { timeoutMs: withinMs, because: `${wanted.type} of ${name} should be ${wanted.status} ${wanted.message ?? ''}` },
    );
  }

  /** How often the target was rolled, by its generation: whether the recorder saw each of them or not. */
  rolls(name: string): number {
    return this.recorder.generation(name) - 1;
  }

  verdict(name: string): Verdict {
    return judge({ initial: 0, writes: this.#writes.get(name) ?? [], rolls: this.recorder.rolls(name) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.operator.stop('SIGKILL');
    await this.recorder.stop();
    await this.link.close();
    await this.proxy.stop();
  }
}
