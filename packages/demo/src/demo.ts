import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDevCluster } from '@kube-trigger/devcluster';
import { createKubeClient, staticAuth } from '@kube-trigger/kube';
import { bundledRegistry, createLogger, definitions, type RuleStatus, TRIGGER_RULE } from '@kube-trigger/operator';
import { ClusterView, pause, type Template } from './cluster-view.js';
import { OperatorProcess } from './operator-process.js';
import type { Presenter, StepResult } from './presenter.js';

export interface DemoOptions {
  readonly presenter: Presenter;
  /** Resolves when everything is to be torn down after the steps (`--keep`); default: at once. */
  readonly keep?: (kubeconfig: string) => Promise<void>;
  /** Ends it midway, with everything torn down; `runDemo` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface DemoResult {
  readonly ok: boolean;
  readonly tookMs: number;
  readonly steps: readonly StepResult[];
}

/** How long "nothing happens" is watched for: a change is acted on after a second of quiet. */
const QUIET_MS = 1800;
const WITHIN_MS = 10_000;
const EXAMPLE = new URL('../../../examples/rolling-update/', import.meta.url);

/** Runs the main job step by step against a fresh embedded cluster; each step is verified by reading the API. */
export async function runDemo({ presenter, keep, signal }: DemoOptions): Promise<DemoResult> {
  const startedAt = performance.now();
  const dir = await mkdtemp(join(tmpdir(), 'kube-trigger-demo-'));
  const kubeconfig = join(dir, 'kubeconfig');
  await using cluster = await startDevCluster({ controllers: true, tls: true });
  await cluster.writeKubeconfig(kubeconfig);
  const auth = staticAuth({ server: cluster.url, token: cluster.token, ca: cluster.caPem });
  const kube = createKubeClient({ auth, logger: createLogger('silent') });
  const demo = new Demo(new ClusterView(kube), kubeconfig, presenter);
  try {
    presenter.heading('kube-trigger: the real operator on an embedded Kubernetes API server');
    const ok = await unlessAborted(demo.run(), signal);
    const result = { ok, tookMs: performance.now() - startedAt, steps: demo.results };
    // Time to play is no time of the steps; after a failed step there may be nothing to play with.
    if (ok && keep !== undefined) await keep(kubeconfig);
    return result;
  } finally {
    await demo.end();
    await kube.close();
    await rm(dir, { recursive: true, force: true });
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

interface Seen {
  readonly saw?: string;
  readonly detail?: string;
}

class Demo {
  readonly results: StepResult[] = [];
  #operator: OperatorProcess | undefined;
  #ended = false;

  constructor(
    private readonly view: ClusterView,
    private readonly kubeconfig: string,
    private readonly presenter: Presenter,
  ) {}

  async run(): Promise<boolean> {
    const steps: [string, () => Promise<Seen>][] = [
      ['install the definitions, a namespace, StatefulSet busybox and ConfigMap cm', () => this.#install()],
      ['start the operator and apply the TriggerRule: it becomes Ready', () => this.#applyRule()],
      ['edit the ConfigMap: the pod template changes once', () => this.#edit('world')],
      ['change only a label of the ConfigMap: nothing', () => this.#nothing({ metadata: { labels: { team: 'a' } } })],
      ['write the same data again: nothing', () => this.#nothing({ data: { message: 'world' } })],
      ['stop the operator, edit the ConfigMap, start it: rolled once', () => this.#editWhileDown('while down')],
      ['restart the operator three times: nothing', () => this.#restart(3)],
    ];
    for (const [step, work] of steps) if (!(await this.#step(step, work))) return false;
    return true;
  }

  /** From now on no step goes on, and no operator runs. */
  async end(): Promise<void> {
    this.#ended = true;
    await OperatorProcess.endAll();
  }

  async #step(step: string, work: () => Promise<Seen>): Promise<boolean> {
    const startedAt = performance.now();
    let result: StepResult;
    try {
      const seen = await work();
      result = { step, ok: true, tookMs: performance.now() - startedAt, ...seen };
    } catch (error) {
      const saw = error instanceof Error ? error.message : String(error);
      if (this.#ended) return false;
      const log = this.#operator === undefined ? {} : { operatorLog: this.#operator.log };
      result = { step, ok: false, tookMs: performance.now() - startedAt, saw, ...log };
    }
    if (this.#ended) return false;
    this.results.push(result);
    this.presenter.step(result);
    return result.ok;
  }

  async #install(): Promise<Seen> {
    await this.view.create(definitions(bundledRegistry()));
    await this.view.createFile(new URL('workload.yaml', EXAMPLE));
    return {};
  }

  async #applyRule(): Promise<Seen> {
    await this.#startOperator();
    await this.view.createFile(new URL('rule.yaml', EXAMPLE));
    const ready = await this.#eventually(async () => {
      const status = await this.view.status<RuleStatus>(TRIGGER_RULE, 'example');
      return status?.conditions?.find((condition) => condition.type === 'Ready' && condition.status === 'True');
    }, 'the rule did not become Ready');
    return { saw: `Ready=${ready.status}, reason ${ready.reason}: ${ready.message}` };
  }

  async #edit(message: string): Promise<Seen> {
    const before = await this.view.template();
    const writtenAt = performance.now();
    await this.view.edit({ data: { message } });
    const after = await this.view.changed(before, WITHIN_MS);
    const tookMs = performance.now() - writtenAt;
    await this.view.unchanged(after, QUIET_MS);
    return {
      ...rolledOnce(before, after),
      detail: `${tookMs.toFixed(0)} ms from the write to the patched template, of which a second to see what else changes`,
    };
  }

  async #nothing(patch: object): Promise<Seen> {
    const before = await this.view.template();
    await this.view.edit(patch);
    await this.view.unchanged(before, QUIET_MS);
    return {};
  }

  async #editWhileDown(message: string): Promise<Seen> {
    const before = await this.view.template();
    const code = await this.#operator?.stop();
    if (code !== 0) throw new Error(`the operator exited with ${code} on SIGTERM`);
    await this.view.edit({ data: { message } });
    await this.view.unchanged(before, QUIET_MS / 4);
    await this.#startOperator();
    const after = await this.view.changed(before, WITHIN_MS);
    await this.view.unchanged(after, QUIET_MS);
    return rolledOnce(before, after);
  }

  async #restart(times: number): Promise<Seen> {
    const before = await this.view.template();
    for (let i = 0; i < times; i += 1) {
      await this.#operator?.stop();
      await this.#startOperator();
      await this.view.unchanged(before, QUIET_MS / 2);
    }
    return {};
  }

  async #startOperator(): Promise<void> {
    if (this.#ended) throw new Error('the demo was ended');
    const operator = await OperatorProcess.start(this.kubeconfig);
    this.#operator = operator;
    await this.#eventually(async () => (await operator.isReady()) || undefined, 'the operator did not become ready');
  }

  async #eventually<T>(look: () => Promise<T | undefined>, otherwise: string): Promise<T> {
    const deadline = Date.now() + WITHIN_MS;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`${otherwise} within ${WITHIN_MS} ms`);
      await pause(25);
    }
  }
}

/** One roll is one generation, and leaves its cause on the template. */
function rolledOnce(before: Template, after: Template): Seen {
  const generations = after.generation - before.generation;
  if (generations !== 1)
    throw new Error(`the StatefulSet went from generation ${before.generation} to ${after.generation}`);
  const cause = Object.entries(after.annotations).find(([name]) => name.endsWith('/cause'))?.[1];
  if (cause === undefined)
    throw new Error(`no cause among the annotations ${Object.keys(after.annotations).join(', ')}`);
  return { saw: `cause: ${cause}` };
}
