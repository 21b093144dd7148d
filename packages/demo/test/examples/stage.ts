import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type WebhookNetwork, WebhookNetworkToken } from '@kube-trigger/action-webhook';
import { startDevCluster } from '@kube-trigger/devcluster';
import {
  createKubeClient,
  type KubeClient,
  type KubeObject,
  type ObjectRef,
  readyPods,
  staticAuth,
} from '@kube-trigger/kube';
import {
  bundledRegistry,
  createLogger,
  definitions,
  type Operator,
  type RuleStatus,
  startOperator,
  TRIGGER_RULE,
} from '@kube-trigger/operator';
import { eventually } from '@kube-trigger/testing';
import { container, type DependencyContainer } from 'tsyringe';
import { parseAllDocuments } from 'yaml';

export const EXAMPLES = join(import.meta.dirname, '../../../../examples');

type Manifest = KubeObject & { apiVersion: string; kind: string; spec?: object };

interface Workload extends KubeObject {
  readonly spec: { readonly template: { readonly metadata?: { readonly annotations?: Record<string, string> } } };
}

/** Where an example is played: a cluster for itself, or a namespace of a cluster with a node. */
export interface Place {
  readonly url: string;
  readonly token: string;
  readonly ca?: string;
  /** That of manifests which say none. */
  readonly namespace: string;
  /** Says `busybox` in the words of the node. */
  readonly image?: string;
  readonly stop: () => Promise<void>;
}

/** An example's manifests on a cluster, with an operator that looks after its rules. */
export class ExampleStage implements AsyncDisposable {
  private constructor(
    readonly kube: KubeClient,
    readonly place: Place,
    private readonly operator: Operator,
    private readonly manifests: readonly Manifest[],
  ) {}

  get rules(): readonly Manifest[] {
    return this.manifests.filter(({ kind }) => kind === 'TriggerRule');
  }

  /** On an embedded cluster of its own, unless told otherwise. */
  static async open(folder: string, given?: Place): Promise<ExampleStage> {
    const place = given ?? (await embedded());
    const { url: server, token, ca, namespace } = place;
    const auth = staticAuth({ server, token, ...(ca === undefined ? {} : { ca }) });
    const logger = createLogger('silent');
    const kube = createKubeClient({ auth, logger });
    const manifests = manifestsOf(folder, place);
    for (const definition of definitions(bundledRegistry())) await create(kube, definition as Manifest, namespace);
    for (const manifest of manifests) if (manifest.kind !== 'TriggerRule') await create(kube, manifest, namespace);
    const operator = await startOperator({
      auth,
      logger,
      registry: bundledRegistry(),
      operatorNamespace: namespace,
      ...(given === undefined ? {} : { namespaces: [namespace] }),
      container: servicesHere(),
    });
    for (const manifest of manifests) if (manifest.kind === 'TriggerRule') await create(kube, manifest, namespace);
    return new ExampleStage(kube, place, operator, manifests);
  }

  /** Waits until every rule of the example is Ready. */
  async ready(): Promise<void> {
    for (const { metadata } of this.rules) {
      await eventually(
        async () => {
          const conditions = (await this.status(metadata)).conditions ?? [];
          const ready = conditions.find(({ type }) => type === 'Ready');
          if (ready?.status !== 'True') throw new Error(JSON.stringify(conditions));
          return true;
        },
        { because: `${metadata.name} should be Ready`, timeoutMs: 30_000 },
      );
    }
  }

  /** Waits until the rule has acted; that it waits for the kubelet first takes up to two minutes. */
  async done(name: string): Promise<void> {
    await eventually(
      async () => {
        const { lastResult } = await this.status({ name });
        if (lastResult !== 'Done') throw new Error(`lastResult is ${lastResult}`);
        return true;
      },
      { because: `${name} should have acted`, timeoutMs: 150_000 },
    );
  }

  /** What a command writes in each ready pod of a label `app`, once there are as many as there should be. */
  async inPods(app: string, command: readonly string[]): Promise<string[]> {
    const { namespace } = this.place;
    const pods = await eventually(
      async () => {
        const { ready } = await readyPods(this.kube, { namespace, labelSelector: `app=${app}` });
        return ready.length === 2 ? ready : undefined;
      },
      { because: `two pods of ${app} should be ready`, timeoutMs: 90_000 },
    );
    const texts = pods.map(async ({ metadata: { name = '' } }) => {
      const { stdout } = await this.kube.exec({ namespace, pod: name, command });
      return stdout.bytes.toString();
    });
    return Promise.all(texts);
  }

  async status(rule: { namespace?: string; name?: string }): Promise<RuleStatus> {
    const { namespace = this.place.namespace, name = '' } = rule;
    const found = await this.kube.get<KubeObject & { status?: RuleStatus }>({
      resource: TRIGGER_RULE,
      namespace,
      name,
    });
    return found.status ?? {};
  }

  async generation(ref: ObjectRef): Promise<number> {
    return (await this.kube.get(ref)).metadata.generation ?? 0;
  }

  apiVersionOf(kind: string): string {
    return this.manifests.find((manifest) => manifest.kind === kind)?.apiVersion ?? '';
  }

  /** Runs `change` and waits until the workload was rolled once by a rule; returns the cause. */
  async rolls(ref: ObjectRef, change: () => Promise<unknown>): Promise<string> {
    const before = causeOf(await this.kube.get<Workload>(ref));
    await change();
    return eventually(
      async () => {
        const now = causeOf(await this.kube.get<Workload>(ref));
        return now === before ? undefined : now;
      },
      { because: `${ref.name} should be rolled`, timeoutMs: 30_000 },
    );
  }

  /** What the rules' conditions complain of. */
  async faults(): Promise<string[]> {
    const all = await Promise.all(this.rules.map(({ metadata }) => this.status(metadata)));
    return all.flatMap(({ conditions = [] }) =>
      conditions.filter(({ type, status }) => type === 'Stalled' && status === 'True').map(({ message }) => message),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.operator.stop();
    await this.kube.close();
    await this.place.stop();
  }
}

async function embedded(): Promise<Place> {
  const cluster = await startDevCluster({ controllers: true });
  const { url, token } = cluster;
  return { url, token, namespace: 'default', stop: () => cluster.stop() };
}

/** Services are servers of the test: an embedded cluster runs no programs, and this machine does not know its names. */
function servicesHere(): DependencyContainer {
  const services = container.createChildContainer();
  const network: WebhookNetwork = {
    allowLoopback: true,
    resolve: (_, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  };
  services.register(WebhookNetworkToken, { useValue: network });
  return services;
}

function manifestsOf(folder: string, { image = 'busybox' }: Place): Manifest[] {
  const files = readdirSync(join(EXAMPLES, folder)).filter((name) => /\.ya?ml$/.test(name));
  const texts = files.map((name) => readFileSync(join(EXAMPLES, folder, name), 'utf8'));
  const documents = texts.flatMap((text) => parseAllDocuments(text.replaceAll(/image: busybox$/gm, `image: ${image}`)));
  const manifests = documents
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
  const rank = ({ kind }: Manifest) => ['Namespace', 'CustomResourceDefinition'].indexOf(kind);
  return manifests.toSorted((a, b) => Number(rank(a) < 0) - Number(rank(b) < 0));
}

async function create(kube: KubeClient, manifest: Manifest, home: string): Promise<void> {
  // A kind that was just defined is served a moment later.
  await eventually(
    async () => {
      const resource = await kube.resourceFor(manifest);
      const namespace = resource.namespaced ? (manifest.metadata.namespace ?? home) : undefined;
      const ref = { resource, namespace, name: manifest.metadata.name ?? '' };
      // Whoever was on a shared cluster before may have left definitions, which may be older.
      const isThere = namespace === undefined && (await kube.get(ref).then(Boolean, () => false));
      if (isThere) await kube.patch(ref, { spec: manifest.spec }, { type: 'merge' });
      else await kube.create(resource, namespace, manifest);
      return true;
    },
    { because: `${manifest.kind} ${manifest.metadata.name} should be created`, timeoutMs: 15_000 },
  );
}

function causeOf({ spec }: Workload): string | undefined {
  return spec.template.metadata?.annotations?.['trigger.app.example.com/cause'];
}
