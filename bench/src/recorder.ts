import { revisionAnnotation } from '@kube-trigger/action-rollout';
import { silentLogger } from '@kube-trigger/core/testing';
import { createKubeClient, type KubeClient, type KubeObject, type Resource, staticAuth } from '@kube-trigger/kube';
import { type Subscription, tap } from 'rxjs';
import type { Roll } from './judge.js';
import { newestIn } from './states.js';

export interface RecorderOptions {
  /** The API server itself, never a proxy whose faults are for the operators. */
  readonly access: { readonly url: string; readonly token: string; readonly ca?: string | undefined };
  readonly namespace: string;
  readonly resource: Resource;
}

interface Template {
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Target {
  readonly rolls: Roll[];
  template: Template;
  /** Which state a revision on the template stands for: equal states have equal revisions. */
  readonly states: Map<string, number>;
}

type Workload = KubeObject & {
  readonly spec: { readonly template: { readonly metadata: { readonly annotations?: Record<string, string> } } };
};

/** Watches the targets of a namespace and keeps every change of their pod templates. A target has the name of its rule. */
export class Recorder implements AsyncDisposable {
  readonly #kube: KubeClient;
  readonly #targets = new Map<string, Target>();
  readonly #listeners = new Set<(target: string, roll: Roll) => void>();
  #subscription: Subscription | undefined;

  constructor(private readonly options: RecorderOptions) {
    const { url: server, token, ca } = options.access;
    const auth = staticAuth({ server, token, ...(ca === undefined ? {} : { ca }) });
    this.#kube = createKubeClient({ auth, logger: silentLogger });
  }

  /** Resolves once every existing target was seen. */
  async start(): Promise<void> {
    const { resource, namespace } = this.options;
    const project = { id: 'pod-template/1', of: templateOf };
    await new Promise<void>((resolve) => {
      this.#subscription = this.#kube
        .watch({ resource, namespace, project })
        .pipe(
          tap((event) => {
            if (event.type === 'present') this.#see(event.name, event.value);
            if (event.type === 'synced') resolve();
          }),
        )
        .subscribe();
    });
  }

  /** Every roll of the target since the recorder saw it first. */
  rolls(target: string): readonly Roll[] {
    return this.#of(target).rolls;
  }

  generation(target: string): number {
    return this.#of(target).template.generation;
  }

  /** The revision annotation on the target's template. */
  revision(target: string): string | undefined {
    return this.#of(target).template.annotations[this.#annotation(target)];
  }

  /** The state that the target was last given; undefined while it was never rolled. */
  state(target: string): number | undefined {
    return this.#of(target).rolls.at(-1)?.state;
  }

  /** Calls back on each roll until the returned function is called. */
  onRoll(listener: (target: string, roll: Roll) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#subscription?.unsubscribe();
    await this.#kube.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #of(name: string): Target {
    const target = this.#targets.get(name);
    if (target === undefined) throw new Error(`target ${name} was never seen`);
    return target;
  }

  #annotation(name: string): string {
    return revisionAnnotation({ namespace: this.options.namespace, name, uid: '' });
  }

  #see(name: string, template: Template): void {
    const target = this.#targets.get(name);
    if (target === undefined) {
      this.#targets.set(name, { rolls: [], template, states: new Map() });
      return;
    }
    const { generation } = target.template;
    target.template = template;
    if (template.generation === generation) return;
    const state = this.#stateOf(target, template.annotations[this.#annotation(name)] ?? '', template);
    const unseen = template.generation - generation - 1;
    const roll = { state, seenAtMs: performance.now(), generation: template.generation, unseen };
    target.rolls.push(roll);
    for (const listener of this.#listeners) listener(name, roll);
  }

  /** A revision that was seen before says its state; a new one is that of the newest state in the cause. */
  #stateOf({ states }: Target, revision: string, { annotations }: Template): number | undefined {
    const known = states.get(revision);
    const state = known ?? newestIn(annotations);
    if (state !== undefined) states.set(revision, state);
    return state;
  }
}

function templateOf(object: KubeObject): Template {
  const { metadata, spec } = object as Workload;
  return { generation: metadata.generation ?? 0, annotations: spec.template.metadata.annotations ?? {} };
}
