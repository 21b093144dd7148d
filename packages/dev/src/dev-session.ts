import { type DevCluster, startDevCluster } from '@kube-trigger/devcluster';
import { createKubeClient, type KubeClient, staticAuth, WELL_KNOWN } from '@kube-trigger/kube';
import { createLogger, type DevOptions, type RuleStatus, TRIGGER_RULE } from '@kube-trigger/operator';
import type { Subscription } from 'rxjs';
import { Manifests } from './manifests.js';
import { OperatorProcess, Refused } from './operator-process.js';
import type { Line } from './protocol.js';
import { Saves } from './saves.js';

interface Around {
  /** Where the cluster's kubeconfig is written. */
  readonly kubeconfig: string;
  readonly say: (line: Line) => void;
}

/** A cluster, the files' objects in it, and an operator that is another one after each save of a plugin. */
export class DevSession implements AsyncDisposable {
  readonly #saves = new Saves();
  readonly #manifests: Manifests;
  readonly #say: (line: Line) => void;
  readonly #conditions = new Map<string, string>();
  #watching: Subscription | undefined;
  #operator: OperatorProcess | undefined;
  /** One thing after the other: two saves in a row are two loads, never two operators. */
  #work: Promise<void> = Promise.resolve();
  #ended = false;

  private constructor(
    private readonly cluster: DevCluster,
    private readonly kube: KubeClient,
    private readonly options: DevOptions,
    { say }: Around,
  ) {
    this.#say = say;
    this.#manifests = new Manifests(kube, options.files, say);
  }

  /** Starts the cluster. Rejects, with nothing left, when a file that was named is not there. */
  static async open(options: DevOptions, around: Around): Promise<DevSession> {
    const cluster = await startDevCluster({ controllers: true });
    const auth = staticAuth({ server: cluster.url, token: cluster.token });
    const session = new DevSession(
      cluster,
      createKubeClient({ auth, logger: createLogger('silent') }),
      options,
      around,
    );
    try {
      await cluster.writeKubeconfig(around.kubeconfig);
      session.#watchFiles();
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
    return session;
  }

  /** Loads the plugins, applies the files and starts the operator. */
  start(): Promise<void> {
    return this.#then(() => this.#reload());
  }

  #watchFiles(): void {
    const { files, plugins, directory } = this.options;
    const apply = () => void this.#then(() => this.#manifests.apply());
    for (const path of files) this.#saves.on(path, apply);
    this.#saves.onPlugins(plugins, directory, () => void this.#then(() => this.#reload()));
  }

  #then(work: () => Promise<void>): Promise<void> {
    this.#work = this.#after(this.#work, work);
    return this.#work;
  }

  async #after(before: Promise<void>, work: () => Promise<void>): Promise<void> {
    await before;
    if (this.#ended) return;
    try {
      await work();
    } catch (thrown) {
      this.#say({ about: 'dev', text: thrown instanceof Error ? thrown.message : String(thrown), tone: 'bad' });
    }
  }

  /** Plugins that cannot be used leave those that ran before running. */
  async #reload(): Promise<void> {
    const { plugins, directory, disabledPlugins } = this.options;
    const { url: server, token } = this.cluster;
    const next = new OperatorProcess(this.#say);
    try {
      const loaded = await next.load({ server, token, plugins, directory, disabledPlugins });
      const what = loaded.plugins.length === 0 ? 'the bundled ones' : loaded.plugins.join(', ');
      await this.#define(loaded.definitions);
      await this.#operator?.stop();
      this.#say({ about: this.#operator === undefined ? 'plugins' : 'reloaded', text: what, tone: 'good' });
      this.#operator = next;
    } catch (thrown) {
      await next.stop();
      if (!(thrown instanceof Refused)) throw thrown;
      for (const text of thrown.reasons) this.#say({ about: 'refused', text, tone: 'bad' });
      if (this.#operator !== undefined) this.#say({ about: 'refused', text: 'the plugins from before go on' });
      return;
    }
    await this.#manifests.apply();
    next.start();
    this.#watching ??= this.#watchRules();
  }

  async #define(definitions: readonly object[]): Promise<void> {
    for (const definition of definitions) {
      const { name } = (definition as { metadata: { name: string } }).metadata;
      const ref = { resource: WELL_KNOWN.CustomResourceDefinition, name };
      await this.kube.patch(ref, definition, { type: 'apply', fieldManager: 'kube-trigger-dev', force: true });
    }
  }

  /** Says how rules are, whenever that changes. */
  #watchRules(): Subscription {
    const project = { id: 'dev', of: (rule: object) => standingOf((rule as { status?: RuleStatus }).status) };
    return this.kube.watch({ resource: TRIGGER_RULE, project }).subscribe((event) => {
      if (event.type !== 'present' && event.type !== 'absent') return;
      const about = `${event.namespace}/${event.name}`;
      if (event.type === 'absent') return void this.#conditions.delete(about);
      const { value: standing } = event;
      if (standing === undefined || this.#conditions.get(about) === standing.text) return;
      this.#conditions.set(about, standing.text);
      this.#say({ about, ...standing });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#saves[Symbol.dispose]();
    this.#watching?.unsubscribe();
    await this.#work;
    await this.#operator?.stop();
    await this.kube.close();
    await this.cluster.stop();
  }
}

/** In a word or two how a rule is: what keeps it from working, else that it is ready. */
function standingOf(status: RuleStatus | undefined): Pick<Line, 'text' | 'tone'> | undefined {
  const conditions = status?.conditions ?? [];
  const refused = conditions.find(({ type, status: is }) => type === 'Accepted' && is === 'False');
  const stalled = conditions.find(({ type, status: is }) => type === 'Stalled' && is === 'True');
  const ready = conditions.find(({ type, status: is }) => type === 'Ready' && is === 'True');
  const bad = refused ?? stalled;
  if (bad !== undefined) return { text: `${bad.reason}: ${bad.message}`, tone: 'bad' };
  return ready === undefined ? undefined : { text: `Ready: ${ready.message}`, tone: 'good' };
}
