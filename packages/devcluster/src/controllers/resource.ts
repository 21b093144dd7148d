import { type ApiClient, type ApiRequest, isApiError } from './api-client.js';
import { controllerOf, type Draft, type KubeObject, timestamp } from './objects.js';
import { Store } from './store.js';
import { keepInStep } from './watch-loop.js';

export interface ResourceDefinition {
  /** `v1` or `apps/v1`. */
  apiVersion: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  /** Only objects of this name are watched. */
  onlyName?: string;
}

/** All that the controllers do with one kind: a store that follows the server, and writes whose answers enter the store at once. */
export class Resource<T extends KubeObject> {
  readonly #store = new Store<T>();
  /** Resolves at the first complete list. */
  readonly synced: Promise<void>;
  #listed!: () => void;

  constructor(
    private readonly client: ApiClient,
    readonly definition: ResourceDefinition,
  ) {
    this.synced = new Promise((resolve) => (this.#listed = resolve));
  }

  /** Follows the server until `signal` aborts. */
  run(signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    const { onlyName } = this.definition;
    return keepInStep(
      {
        client: this.client,
        path: this.#path(undefined),
        ...(onlyName === undefined ? {} : { fieldSelector: `metadata.name=${onlyName}` }),
        store: this.#store,
        prepare: (object) => this.#prepare(object),
        listed: () => this.#listed(),
        onError,
      },
      signal,
    );
  }

  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  values(): T[] {
    return this.#store.values();
  }

  ownedBy(owner: KubeObject): T[] {
    return this.#store.ownedBy(owner.metadata.uid);
  }

  onChange(listener: (current: T | undefined, previous: T | undefined) => void): void {
    this.#store.onChange(listener);
  }

  /**
   * Creates an object of a name that the caller chose. When the answer is lost on the way it asks again until there is one, and
   * takes the object that an earlier attempt made: to give up in between would leave an object behind that nobody knows of yet,
   * and the caller would make another. Rejects with 409 `AlreadyExists` when the name is taken by another owner's object.
   */
  async create(draft: Draft<T>, fieldManager: string): Promise<T> {
    const body = { apiVersion: this.definition.apiVersion, kind: this.definition.kind, ...draft };
    const request: ApiRequest = {
      method: 'POST',
      path: this.#path(draft.metadata.namespace),
      query: { fieldManager },
      body,
    };
    let attempts = 0;
    try {
      const answer = await this.client.insist(() => {
        attempts++;
        return this.client.request<T>(request);
      });
      return this.#took(answer);
    } catch (error) {
      if (attempts === 1 || !isApiError(error, 409, 'AlreadyExists')) throw error;
      const existing = await this.client.insist(() => this.read(draft.metadata));
      if (controllerOf(existing)?.uid !== controllerOf(draft)?.uid) throw error;
      return existing;
    }
  }

  /** Reads past the store. */
  async read(metadata: { namespace?: string; name: string }): Promise<T> {
    const path = this.#path(metadata.namespace, metadata.name);
    return this.#took(await this.client.request<T>({ method: 'GET', path }));
  }

  /** Replaces `status` through the subresource; 409 when the object has changed meanwhile. */
  async updateStatus(object: T, fieldManager: string): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = `${this.#path(namespace, name)}/status`;
    return this.#took(await this.client.request<T>({ method: 'PUT', path, query: { fieldManager }, body: object }));
  }

  /** A JSON merge patch of this very object (409 when another one took its name). */
  async patch(object: T, patch: { metadata?: object; [field: string]: unknown }, fieldManager: string): Promise<T> {
    const { namespace, name, uid } = object.metadata;
    return this.#took(
      await this.client.request<T>({
        method: 'PATCH',
        path: this.#path(namespace, name),
        query: { fieldManager },
        contentType: 'application/merge-patch+json',
        body: { ...patch, metadata: { ...patch.metadata, uid } },
      }),
    );
  }

  /** Deletes this very object; one that is gone already is fine. `now` ends a pod's grace period. */
  async delete(object: T, when: 'gracefully' | 'now' = 'gracefully'): Promise<void> {
    const { namespace, name, uid } = object.metadata;
    const body = {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      preconditions: { uid },
      ...(when === 'now' ? { gracePeriodSeconds: 0 } : {}),
    };
    try {
      await this.client.request({ method: 'DELETE', path: this.#path(namespace, name), body });
    } catch (error) {
      // 409: the name belongs to another object by now.
      if (!isApiError(error, 404) && !isApiError(error, 409)) throw error;
    }
    this.#store.markDeleting(object, timestamp(Date.now()));
  }

  /** POST to a subresource, such as a pod's `binding`. */
  async post(object: T, subresource: string, body: object): Promise<void> {
    const { namespace, name } = object.metadata;
    await this.client.request({ method: 'POST', path: `${this.#path(namespace, name)}/${subresource}`, body });
  }

  #took(answer: T): T {
    const object = this.#prepare(answer);
    this.#store.put(object);
    return object;
  }

  /** Items of a list have no kind; managedFields are bulky, and the server keeps them when a writer leaves them out. */
  #prepare(object: T): T {
    const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown };
    return { ...object, apiVersion: this.definition.apiVersion, kind: this.definition.kind, metadata };
  }

  #path(namespace: string | undefined, name?: string): string {
    const { apiVersion, plural } = this.definition;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
    return `${root}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
  }
}
