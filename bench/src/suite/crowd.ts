import { randomBytes } from 'node:crypto';
import { kubeconfigFor, type TestCluster } from '@kube-trigger/testing';
import type { Controller } from './controller.js';
import { Fixture } from './fixture.js';
import { each } from './pace.js';
import type { Stage } from './stage.js';
import { TcpLink } from '../tcp-link.js';

export interface CrowdSize {
  readonly namespaces: number;
  /** In each namespace. */
  readonly configMaps: number;
  readonly secrets: number;
}

/** 800 MB for 15,000 ConfigMaps and 20,000 Secrets. */
const KEYS = 4;
const CONFIG_BYTES = 4900;
const SECRET_BYTES = 4600;

/** Namespaces full of ConfigMaps and Secrets, a Deployment `web` in each, and a link to the API server that counts what comes through it. */
export class Crowd {
  private constructor(
    readonly cluster: TestCluster,
    readonly fixtures: readonly Fixture[],
    readonly link: TcpLink,
    private readonly stage: Stage,
    readonly size: CrowdSize,
  ) {}

  static async on(stage: Stage, size: CrowdSize): Promise<Crowd> {
    const cluster = await stage.startCluster();
    const fixtures: Fixture[] = [];
    for (let i = 0; i < size.namespaces; i += 1) fixtures.push(await Fixture.in(cluster, 'crowd'));
    stage.progress(`${size.namespaces * (size.configMaps + size.secrets)} objects`);
    for (const fixture of fixtures) {
      await fixture.deployment('web');
      await each(size.configMaps, (i) => make(fixture, 'configmaps', i));
      await each(size.secrets, (i) => make(fixture, 'secrets', i));
    }
    const link = stage.use(await TcpLink.to(cluster.url));
    return new Crowd(cluster, fixtures, link, stage, size);
  }

  /** The operator, over all the namespaces, as in a pod. */
  async start(): Promise<Controller> {
    const [first, ...others] = this.fixtures.map(({ namespace }) => namespace);
    const { token, ca } = this.cluster;
    const { url } = this.link;
    const namespace = first ?? '';
    const args = others.flatMap((other) => ['--namespace', other]);
    if (ca !== undefined) {
      return this.stage.startController(this.cluster, { namespace, args, pod: { url, token, ca, namespace } });
    }
    // Pods have TLS: the embedded API server, which has none, is reached by a kubeconfig.
    const kubeconfig = await this.cluster.writeKubeconfig(undefined, kubeconfigFor({ url, token }));
    return this.stage.startController(this.cluster, { namespace, args, kubeconfig });
  }

  /** Writes something into a ConfigMap or Secret that is about what it held before. */
  async change(fixture: Fixture, plural: Plural, index: number): Promise<void> {
    const path = `/api/v1/namespaces/${fixture.namespace}/${plural}/${plural}-${index}`;
    const headers = { 'content-type': 'application/merge-patch+json' };
    await fixture.must('PATCH', path, { data: { 'key-0': value(plural) } }, headers);
  }
}

export type Plural = 'configmaps' | 'secrets';

async function make(fixture: Fixture, plural: Plural, index: number): Promise<void> {
  const data = Object.fromEntries(Array.from({ length: KEYS }, (_, key) => [`key-${key}`, value(plural)]));
  await fixture.must('POST', `/api/v1/namespaces/${fixture.namespace}/${plural}`, {
    metadata: { name: `${plural}-${index}`, labels: { app: `app-${index % 50}` } },
    data,
  });
}

function value(plural: Plural): string {
  const bytes = randomBytes(plural === 'secrets' ? SECRET_BYTES : Math.floor(CONFIG_BYTES / 2));
  return bytes.toString(plural === 'secrets' ? 'base64' : 'hex');
}
