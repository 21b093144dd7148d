import { OperatorProcess } from './operator-process.js';

export interface FleetOptions {
  readonly kubeconfig: string;
  readonly namespace: string;
  /** One runs without a lease, more compete for one. */
  readonly replicas: number;
}

/** What one process used at a time. */
export interface Usage {
  readonly pid: number;
  /** Since it was started. */
  readonly ageMs: number;
  readonly rssBytes: number;
  readonly sockets: number;
}

interface Member {
  readonly operator: OperatorProcess;
  readonly startedAtMs: number;
}

/** The operator's replicas. One that ends, for whatever reason, is started again at once. */
export class Fleet implements AsyncDisposable {
  #members: (Member | undefined)[] = [];
  /** Replicas that ended without having been killed by this fleet: none should. */
  readonly crashes: string[] = [];

  constructor(private readonly options: FleetOptions) {}

  async start(): Promise<void> {
    const starts = Array.from({ length: this.options.replicas }, () => this.#startOne());
    this.#members = await Promise.all(starts);
  }

  /** Kills the replica that leads with SIGKILL and starts another in its place. False when none leads at the moment. */
  async killLeader(): Promise<boolean> {
    const slot = await this.#leader();
    const member = slot === undefined ? undefined : this.#members[slot];
    if (slot === undefined || member === undefined) return false;
    this.#members[slot] = undefined;
    await member.operator.stop('SIGKILL');
    this.#members[slot] = await this.#startOne();
    return true;
  }

  /** Starts what ended by itself again, and remembers that it did. */
  async revive(): Promise<void> {
    for (const [slot, member] of this.#members.entries()) {
      if (member === undefined || member.operator.running) continue;
      this.crashes.push(member.operator.log(5));
      this.#members[slot] = undefined;
      this.#members[slot] = await this.#startOne();
    }
  }

  usage(): Usage[] {
    return this.#members.flatMap((member) => {
      const used = member?.operator.usage();
      if (member === undefined || used === undefined) return [];
      return [{ pid: member.operator.pid, ageMs: performance.now() - member.startedAtMs, ...used }];
    });
  }

  /** The end of every replica's log, for messages. */
  log(): string {
    return this.#members.map((member) => member?.operator.log() ?? '').join('\n---\n');
  }

  async stop(): Promise<void> {
    for (const member of this.#members) await member?.operator.stop('SIGKILL');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #startOne(): Promise<Member> {
    const { kubeconfig, namespace, replicas } = this.options;
    const lease = replicas > 1 ? ['--operator-namespace', namespace] : ['--no-leader-elect'];
    const startedAtMs = performance.now();
    const operator = await OperatorProcess.start({ kubeconfig, args: ['--namespace', namespace, ...lease] });
    return { operator, startedAtMs };
  }

  async #leader(): Promise<number | undefined> {
    if (this.options.replicas === 1) return 0;
    for (const [slot, member] of this.#members.entries()) {
      const leading = await member?.operator.metric('kube_trigger_leading').catch(() => undefined);
      if (leading === 1) return slot;
    }
    return undefined;
  }
}
