import type { KubeClient } from '@kube-trigger/kube';
import { type ViewScope, WorkloadView } from './workload-view.js';

export interface OpenView {
  readonly view: WorkloadView;
  release(): void;
}

interface SharedView {
  /** One text for all that hold the view. */
  readonly key: string;
  readonly view: WorkloadView;
  users: number;
}

/** The views of one client, each shared by all rules that need it and closed after the last of them. */
export class WorkloadIndex {
  readonly #views = new Map<string, SharedView>();

  constructor(private readonly kube: KubeClient) {}

  get size(): number {
    return this.#views.size;
  }

  open(scope: ViewScope, now: () => number): OpenView {
    const { resource, namespace, name, labelSelector, project } = scope;
    const key = JSON.stringify([
      resource.group,
      resource.version,
      resource.plural,
      namespace,
      name,
      labelSelector,
      project.id,
    ]);
    const shared = this.#views.get(key) ?? { key, view: new WorkloadView(this.kube, scope, now), users: 0 };
    this.#views.set(key, shared);
    shared.users += 1;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      shared.users -= 1;
      if (shared.users > 0) return;
      this.#views.delete(shared.key);
      shared.view.close();
    };
    return { view: shared.view, release };
  }
}
