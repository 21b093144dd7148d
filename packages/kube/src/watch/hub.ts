import { Observable } from 'rxjs';
import type { AccessAnswer, AccessQuestion } from '../client.js';
import { clientClosed } from '../http/problems.js';
import type { WatchEvent, WatchScope, WatchStats } from './contract.js';
import { NameGroup } from './name-group.js';
import { SharedWatch, type WatchParts } from './shared-watch.js';

export interface HubParts extends WatchParts {
  /** More single-name watches of one kind in one namespace than this become one watch of the namespace. */
  readonly widenAbove: number;
  canI(question: AccessQuestion, options: { readonly signal: AbortSignal }): Promise<AccessAnswer>;
}

/** The shared watches of one client, by scope. */
export class WatchHub {
  readonly #watches = new Map<string, SharedWatch<unknown>>();
  readonly #groups = new Map<string, NameGroup<unknown>>();

  constructor(private readonly parts: HubParts) {}

  watch<T>(scope: WatchScope<T>): Observable<WatchEvent<T>> {
    return new Observable((subscriber) => {
      if (this.parts.transport.closed) {
        subscriber.next({ type: 'interrupted', error: clientClosed() });
        return undefined;
      }
      if (mayBeWidened(scope)) return this.#group(scope).join(scope.name, subscriber);
      // A subscriber that leaves during the replay is known to rxjs only after this returns.
      const subscription = this.#shared(scope).subscribe((event) => subscriber.next(event), scope.recall);
      return subscription;
    });
  }

  /** Whoever subscribes from now on is told nothing that no list from now on has confirmed. */
  doubt(): void {
    for (const watch of this.#watches.values()) watch.doubt();
  }

  stats(): WatchStats[] {
    return [...this.#watches.values()].map((watch) => watch.stats());
  }

  /** Ends every loop. Subscribers hear nothing more. */
  async close(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.stop()));
  }

  #shared<T>(scope: WatchScope<T>): SharedWatch<T> {
    const key = scopeKey(scope);
    const known = this.#watches.get(key) as SharedWatch<T> | undefined;
    if (known !== undefined) return known;
    const made = new SharedWatch(scope, this.parts, () => this.#watches.delete(key));
    this.#watches.set(key, made as SharedWatch<unknown>);
    return made;
  }

  #group<T>(scope: WatchScope<T>): NameGroup<T> {
    const all = { ...scope, name: undefined, recall: undefined };
    const key = scopeKey(all);
    const known = this.#groups.get(key) as NameGroup<T> | undefined;
    if (known !== undefined) return known;
    const { transport, widenAbove } = this.parts;
    const { resource, namespace } = all;
    const made = new NameGroup<T>({
      limit: widenAbove,
      shared: (name) => this.#shared(name === undefined ? all : { ...all, name }),
      mayWatchAll: async (signal) => {
        const ask = (verb: string) => this.parts.canI({ verb, resource, namespace }, { signal });
        const answers = await Promise.all([ask('list'), ask('watch')]);
        return answers.every(({ allowed }) => allowed);
      },
      scheduler: transport.scheduler,
      now: transport.now,
      onEmpty: () => this.#groups.delete(key),
    });
    this.#groups.set(key, made as NameGroup<unknown>);
    return made;
  }
}

/** Selectors would have to be evaluated here; a namespace is what RBAC grants. */
function mayBeWidened<T>(scope: WatchScope<T>): scope is WatchScope<T> & { readonly name: string } {
  const { resource, namespace, name, labelSelector = '', fieldSelector = '' } = scope;
  return (
    name !== undefined && labelSelector === '' && fieldSelector === '' && resource.namespaced && namespace !== undefined
  );
}

function scopeKey({ resource, namespace, name, labelSelector, fieldSelector, project }: WatchScope<unknown>): string {
  const { group, version, plural } = resource;
  return JSON.stringify([group, version, plural, namespace, name, labelSelector, fieldSelector, project.id]);
}
