import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { type KubeClient, type KubeObject, type ObjectRef, type Resource, WELL_KNOWN } from '@kube-trigger/kube';
import { parseAllDocuments } from 'yaml';

export const NAMESPACE = 'kubetrigger-statefulset-1560220263';
export const CONFIG_MAP: ObjectRef = { resource: WELL_KNOWN.ConfigMap, namespace: NAMESPACE, name: 'cm' };
export const STATEFUL_SET: ObjectRef = { resource: WELL_KNOWN.StatefulSet, namespace: NAMESPACE, name: 'busybox' };

interface Workload extends KubeObject {
  readonly spec: { readonly template: { readonly metadata: { readonly annotations?: Record<string, string> } } };
}

/** What a roll can be told by. */
export interface Template {
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Everything the demo reads and writes goes through the API, as a user's kubectl would. */
export class ClusterView {
  constructor(private readonly kube: KubeClient) {}

  async create(objects: readonly unknown[]): Promise<void> {
    for (const object of objects as (KubeObject & { kind: string; apiVersion: string })[]) {
      const resource = await this.kube.resourceFor(object);
      const namespace = resource.namespaced ? (object.metadata.namespace ?? 'default') : undefined;
      await this.kube.create(resource, namespace, object, { fieldManager: 'demo' });
    }
  }

  async createFile(file: URL): Promise<void> {
    const documents = parseAllDocuments(await readFile(file, 'utf8'));
    await this.create(documents.map((document) => document.toJS() as unknown));
  }

  edit(patch: object): Promise<unknown> {
    return this.kube.patch(CONFIG_MAP, patch, { type: 'merge', fieldManager: 'demo' });
  }

  async template(): Promise<Template> {
    const { metadata, spec } = await this.kube.get<Workload>(STATEFUL_SET);
    return { generation: metadata.generation ?? 0, annotations: spec.template.metadata.annotations ?? {} };
  }

  async status<T>(resource: Resource, name: string): Promise<T | undefined> {
    return (await this.kube.get<KubeObject & { status?: T }>({ resource, namespace: 'default', name })).status;
  }

  /** Resolves with the template once it differs from `before`; rejects after `withinMs`. */
  async changed(before: Template, withinMs: number): Promise<Template> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const now = await this.template();
      if (!isDeepStrictEqual(now, before)) return now;
      if (Date.now() > deadline) throw new Error(`the pod template did not change within ${withinMs} ms`);
      await pause(5);
    }
  }

  /** Looks for `forMs`; rejects when the template differs from `before`. */
  async unchanged(before: Template, forMs: number): Promise<void> {
    const deadline = Date.now() + forMs;
    while (Date.now() < deadline) {
      const now = await this.template();
      if (!isDeepStrictEqual(now, before)) throw new Error(`the pod template changed: ${JSON.stringify(now)}`);
      await pause(50);
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
