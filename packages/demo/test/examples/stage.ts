import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DevCluster, startDevCluster } from '@kube-trigger/devcluster';
import { createKubeClient, type KubeClient, type KubeObject, type ObjectRef, staticAuth } from '@kube-trigger/kube';
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
import { parseAllDocuments } from 'yaml';

export const EXAMPLES = join(import.meta.dirname, '../../../../examples');

type Manifest = KubeObject & { apiVersion: string; kind: string };

interface Workload extends KubeObject {
  readonly spec: { readonly template: { readonly metadata?: { readonly annotations?: Record<string, string> } } };
}

/** An example's manifests on an embedded cluster, with an operator that looks after its rules. */
export class ExampleStage implements AsyncDisposable {
  private constructor(
    readonly kube: KubeClient,
    private readonly cluster: DevCluster,
    private readonly operator: Operator,
    private readonly manifests: readonly Manifest[],
  ) {}

  get rules(): readonly Manifest[] {
    return this.manifests.filter(({ kind }) => kind === 'TriggerRule');
  }

  static async open(folder: string): Promise<ExampleStage> {
    const cluster = await startDevCluster({ controllers: true });
    const auth = staticAuth({ server: cluster.url, token: cluster.token });
    const logger = createLogger('silent');
    const kube = createKubeClient({ auth, logger });
    const manifests = manifestsOf(folder);
    for (const definition of definitions(bundledRegistry())) await create(kube, definition as Manifest);
    for (const manifest of manifests) if (manifest.kind !== 'TriggerRule') await create(kube, manifest);
    const operator = await startOperator({ auth, logger, registry: bundledRegistry(), operatorNamespace: 'default' });
    for (const manifest of manifests) if (manifest.kind === 'TriggerRule') await create(kube, manifest);
    return new ExampleStage(kube, cluster, operator, manifests);
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

  async status({ namespace = 'default', name = '' }: { namespace?: string; name?: string }): Promise<RuleStatus> {
    const rule = await this.kube.get<KubeObject & { status?: RuleStatus }>({ resource: TRIGGER_RULE, namespace, name });
    return rule.status ?? {};
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
    await this.cluster.stop();
  }
}

function manifestsOf(folder: string): Manifest[] {
  const files = readdirSync(join(EXAMPLES, folder)).filter((name) => /\.ya?ml$/.test(name));
  const documents = files.flatMap((name) => parseAllDocuments(readFileSync(join(EXAMPLES, folder, name), 'utf8')));
  const manifests = documents
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
  const rank = ({ kind }: Manifest) => ['Namespace', 'CustomResourceDefinition'].indexOf(kind);
  return manifests.toSorted((a, b) => Number(rank(a) < 0) - Number(rank(b) < 0));
}

async function create(kube: KubeClient, manifest: Manifest): Promise<void> {
  // A kind that was just defined is served a moment later.
  await eventually(
    async () => {
      const resource = await kube.resourceFor(manifest);
      await kube.create(
        resource,
        resource.namespaced ? (manifest.metadata.namespace ?? 'default') : undefined,
        manifest,
      );
      return true;
    },
    { because: `${manifest.kind} ${manifest.metadata.name} should be created`, timeoutMs: 15_000 },
  );
}

function causeOf({ spec }: Workload): string | undefined {
  return spec.template.metadata?.annotations?.['trigger.app.example.com/cause'];
}
