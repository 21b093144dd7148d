import { WELL_KNOWN } from '@kube-trigger/kube';
import { eventually, type FaultProxy, kubeconfigFor, startFaultProxy, type TestCluster } from '@kube-trigger/testing';
import { judge, OperatorProcess, Recorder, Trio, type Verdict, type Write } from './harness.js';

/** Of the binary: the CLI has no flags for them. */
export const LEASE_MS = 15_000;

/** One operator process with a proxy of its own, so that what it asks for can be told from what the other does. */
export interface Replica {
  readonly proxy: FaultProxy;
  readonly kubeconfig: string;
  operator: OperatorProcess;
}

/** Two operators that compete for one lease, in a namespace with one rule. The first one leads. */
export class Replicas implements AsyncDisposable {
  readonly #writes: Write[] = [];

  private constructor(
    private readonly cluster: TestCluster,
    readonly trio: Trio,
    private readonly recorder: Recorder,
    readonly leader: Replica,
    readonly standby: Replica,
  ) {}

  /** `clocksAheadMs` is by how much the clocks of leader and standby are ahead of the API server's. */
  static async open(cluster: TestCluster, clocksAheadMs: readonly [number, number] = [0, 0]): Promise<Replicas> {
    const namespace = await cluster.createNamespace('ha');
    const trio = new Trio(cluster, namespace, 'app', 'StatefulSet');
    await trio.create(0);
    const recorder = new Recorder({ access: cluster, namespace, resource: WELL_KNOWN.StatefulSet });
    await recorder.start();
    const leader = await startReplica(cluster, namespace, clocksAheadMs[0]);
    await eventually(() => leads(leader), { timeoutMs: 20_000, because: 'the first replica should lead' });
    const standby = await startReplica(cluster, namespace, clocksAheadMs[1]);
    await trio.ready();
    const replicas = new Replicas(cluster, trio, recorder, leader, standby);
    await replicas.write(1);
    await replicas.has(1, 10_000);
    return replicas;
  }

  async write(state: number): Promise<void> {
    this.#writes.push({ state, sentAtMs: performance.now() });
    await this.trio.write(state);
  }

  async has(state: number, withinMs: number): Promise<void> {
    await eventually(() => this.recorder.state(this.trio.name) === state, {
      timeoutMs: withinMs,
      because: `the target should have state ${state}`,
    }).catch((error: unknown) => {
      const logs = [this.leader, this.standby].map(({ operator }) => operator.log()).join('\n---\n');
      throw new Error(`${String(error)}\nlogs:\n${logs}`, { cause: error });
    });
  }

  get verdict(): Verdict {
    return judge({ initial: 0, writes: this.#writes, rolls: this.recorder.rolls(this.trio.name) });
  }

  /** Who holds the lease; empty when nobody does. */
  async holder(): Promise<string> {
    return (await this.#lease()).holderIdentity ?? '';
  }

  /** How far the clock of the lease's holder is ahead, to about a renewal's interval. */
  async holderAheadMs(): Promise<number> {
    return Date.parse((await this.#lease()).renewTime ?? '') - Date.now();
  }

  async #lease(): Promise<{ readonly holderIdentity?: string; readonly renewTime?: string }> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${this.trio.namespace}/leases/kube-trigger`;
    const { json } = await this.cluster.request<{ spec?: { holderIdentity?: string; renewTime?: string } }>(
      'GET',
      path,
    );
    return json.spec ?? {};
  }

  /** Waits until somebody else than `before` holds the lease; returns after how many milliseconds. */
  async takenFrom(before: string, withinMs: number): Promise<number> {
    const since = performance.now();
    await eventually(async () => !['', before].includes(await this.holder()), {
      timeoutMs: withinMs,
      intervalMs: 20,
      because: 'the other replica should take the lease',
    });
    return performance.now() - since;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { operator, proxy } of [this.leader, this.standby]) {
      operator.signal('SIGCONT');
      await operator.stop('SIGKILL');
      await proxy.stop();
    }
    await this.recorder.stop();
  }
}

async function startReplica(cluster: TestCluster, namespace: string, clockAheadMs: number): Promise<Replica> {
  const proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca });
  const kubeconfig = await cluster.writeKubeconfig(undefined, kubeconfigFor({ url: proxy.url, token: cluster.token }));
  const args = ['--namespace', namespace, '--operator-namespace', namespace];
  return { proxy, kubeconfig, operator: await OperatorProcess.start({ kubeconfig, args, clockAheadMs }) };
}

export async function leads({ operator }: Replica): Promise<boolean> {
  return (await operator.metric('kube_trigger_leading')) === 1;
}
