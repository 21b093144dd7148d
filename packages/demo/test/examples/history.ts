import type { KubeClient, KubeObject, Resource } from '@kube-trigger/kube';
import type { Subscription } from 'rxjs';

interface Workload extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status?: Readonly<
    Record<'observedGeneration' | 'replicas' | 'updatedReplicas' | 'availableReplicas', number>
  >;
}

/** From now on: which workloads are rolled and complete, each once, in the order in which the API server says so. */
export class History implements Disposable {
  readonly lines: string[] = [];
  readonly #generations = new Map<string, number>();
  readonly #watch: Subscription;

  constructor(kube: KubeClient, { resource, namespace }: { readonly resource: Resource; readonly namespace: string }) {
    const project = { id: 'example-history', of: (object: KubeObject) => object as Workload };
    this.#watch = kube.watch({ resource, namespace, project }).subscribe((event) => {
      if (event.type === 'present') this.#hear(event.name, event.value);
    });
  }

  said(line: string): boolean {
    return this.lines.includes(line);
  }

  #hear(name: string, { metadata, spec, status }: Workload): void {
    const { generation = 0 } = metadata;
    const before = this.#generations.get(name);
    this.#generations.set(name, generation);
    if (before !== undefined && before !== generation) this.lines.push(`${name} is rolled`);
    if (status === undefined || !this.said(`${name} is rolled`) || this.said(`${name} is complete`)) return;
    const { observedGeneration, replicas, updatedReplicas, availableReplicas } = status;
    const isComplete = [replicas, updatedReplicas, availableReplicas].every((count) => count === spec.replicas);
    if (isComplete && observedGeneration === generation) this.lines.push(`${name} is complete`);
  }

  [Symbol.dispose](): void {
    this.#watch.unsubscribe();
  }
}
