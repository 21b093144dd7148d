import { asyncScheduler, type Observable, type SchedulerLike } from 'rxjs';
import type { Logger } from '@kube-trigger/core';
import type { KubeAuth } from './auth/contract.js';
import type {
  AccessAnswer,
  AccessQuestion,
  ClientStats,
  DeleteOptions,
  GetOptions,
  KubeClient,
  ListOptions,
  ListPage,
  PatchOptions,
  RawRequest,
  RequestOptions,
  UpdateOptions,
  WriteOptions,
} from './client.js';
import { Discovery } from './discovery.js';
import type { ExecOptions, ExecRequest, ExecResult } from './exec/contract.js';
import { Execer } from './exec/execer.js';
import { collectionPath, objectPath } from './http/api-path.js';
import { Requester } from './http/requester.js';
import { Transport } from './http/transport.js';
import type { KubeObject, ObjectRef, Resource } from './model.js';
import { DEFAULT_TIMINGS, type KubeTimings } from './timings.js';
import type { WatchEvent, WatchScope } from './watch/contract.js';
import { WatchHub } from './watch/hub.js';

export interface KubeClientOptions {
  readonly auth: KubeAuth;
  readonly logger: Logger;
  /** Timers; default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
  /** Uniform in [0, 1); default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly monotonicMs?: (() => number) | undefined;
  /** Overrides for tests. */
  readonly timings?: Partial<KubeTimings> | undefined;
  /** Objects per page when a watch lists; default 100. */
  readonly pageSize?: number | undefined;
  /** More watches of single names in one namespace than this become one watch of the namespace, if RBAC allows; default 16. */
  readonly widenAbove?: number | undefined;
  /** Called as each request starts that is no watch, no command and not in the `background`. */
  readonly onRequest?: (() => void) | undefined;
}

/** Opens no connection and reads no file before its first use. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  return new HttpKubeClient(options);
}

const FIELD_MANAGER = 'kube-trigger';
const PAGE_SIZE = 100;
const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // JSON is YAML.
  apply: 'application/apply-patch+yaml',
} as const;

class HttpKubeClient implements KubeClient {
  readonly #transport: Transport;
  readonly #requester: Requester;
  readonly #execer: Execer;
  readonly #discovery: Discovery;
  readonly #hub: WatchHub;

  constructor(options: KubeClientOptions) {
    const now = options.monotonicMs ?? (() => performance.now());
    const timings = { ...DEFAULT_TIMINGS, ...options.timings };
    this.#transport = new Transport(options.auth, timings, options.scheduler ?? asyncScheduler, now);
    this.#requester = new Requester(this.#transport, options.onRequest);
    this.#execer = new Execer(this.#transport);
    this.#discovery = new Discovery((raw) => this.request(raw), now);
    this.#hub = new WatchHub({
      transport: this.#transport,
      logger: options.logger,
      random: options.random ?? Math.random,
      pageSize: options.pageSize ?? PAGE_SIZE,
      widenAbove: options.widenAbove ?? 16,
      canI: (question, request) => this.canI(question, request),
    });
  }

  request<T = unknown>(raw: RawRequest): Promise<T> {
    return this.#requester.send<T>(raw);
  }

  get<T = KubeObject>(ref: ObjectRef, options: GetOptions = {}): Promise<T> {
    const { as, ...request } = options;
    return this.request<T>({ ...request, path: objectPath(ref), headers: acceptFor(as, 'PartialObjectMetadata') });
  }

  async *pages<T = KubeObject>(resource: Resource, options: ListOptions = {}): AsyncGenerator<ListPage<T>> {
    const { namespace, labelSelector, fieldSelector, pageSize, as, ...request } = options;
    let token: string | undefined;
    do {
      const page: { items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string } } =
        await this.request({
          ...request,
          path: collectionPath(resource, namespace),
          query: { labelSelector, fieldSelector, limit: pageSize ?? PAGE_SIZE, continue: token },
          headers: acceptFor(as, 'PartialObjectMetadataList'),
        });
      yield { items: page.items ?? [], resourceVersion: page.metadata?.resourceVersion ?? '' };
      token = page.metadata?.continue;
    } while (token !== undefined && token !== '');
  }

  async list<T = KubeObject>(resource: Resource, options: ListOptions = {}): Promise<T[]> {
    const all: T[] = [];
    for await (const { items } of this.pages<T>(resource, options)) all.push(...items);
    return all;
  }

  create<T = KubeObject>(
    resource: Resource,
    namespace: string | undefined,
    body: object,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.request<T>({
      ...manner(options),
      method: 'POST',
      path: collectionPath(resource, namespace),
      query: writeQuery(options),
      headers: acceptFor(options.as, 'PartialObjectMetadata'),
      body,
    });
  }

  update<T = KubeObject>(ref: ObjectRef, body: object, options: UpdateOptions = {}): Promise<T> {
    return this.request<T>({
      ...manner(options),
      method: 'PUT',
      path: objectPath(ref, options.subresource),
      query: writeQuery(options),
      headers: acceptFor(options.as, 'PartialObjectMetadata'),
      body,
    });
  }

  patch<T = KubeObject>(ref: ObjectRef, body: object | readonly object[], options: PatchOptions): Promise<T> {
    return this.request<T>({
      ...manner(options),
      method: 'PATCH',
      path: objectPath(ref, options.subresource),
      query: { ...writeQuery(options), force: options.type === 'apply' ? options.force : undefined },
      headers: acceptFor(options.as, 'PartialObjectMetadata'),
      contentType: PATCH_TYPES[options.type],
      body,
    });
  }

  async delete(ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const { preconditions, propagationPolicy, gracePeriodSeconds } = options;
    await this.request({
      ...manner(options),
      method: 'DELETE',
      path: objectPath(ref),
      body: {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        preconditions,
        propagationPolicy,
        gracePeriodSeconds,
      },
    });
  }

  resourceFor(type: { readonly apiVersion?: string | undefined; readonly kind: string }): Promise<Resource> {
    return this.#discovery.resourceFor(type);
  }

  async canI(question: AccessQuestion, options: RequestOptions = {}): Promise<AccessAnswer> {
    const { verb, resource, namespace, name, subresource } = question;
    const resourceAttributes = {
      verb,
      group: resource.group,
      version: resource.version,
      resource: resource.plural,
      namespace,
      name,
      subresource,
    };
    const review = await this.request<{ status?: { allowed?: boolean; reason?: string } }>({
      ...options,
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes },
      },
    });
    const reason = review.status?.reason;
    return { allowed: review.status?.allowed === true, ...(reason === undefined || reason === '' ? {} : { reason }) };
  }

  exec(request: ExecRequest, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#execer.run(request, options);
  }

  watch<T>(scope: WatchScope<T>): Observable<WatchEvent<T>> {
    return this.#hub.watch(scope);
  }

  doubtWatches(): void {
    this.#hub.doubt();
  }

  stats(): ClientStats {
    const { counters, openSockets } = this.#transport;
    return {
      watches: this.#hub.stats(),
      openSockets,
      requests: counters.requests,
      failures: { ...counters.failures },
    };
  }

  async close(): Promise<void> {
    const closing = this.#transport.close();
    await Promise.all([this.#hub.close(), closing]);
  }
}

function manner({ signal, timeoutMs, background }: RequestOptions): RequestOptions {
  return { signal, timeoutMs, background };
}

function writeQuery({ fieldManager, dryRun }: WriteOptions): Record<string, string | undefined> {
  return { fieldManager: fieldManager ?? FIELD_MANAGER, dryRun: dryRun === true ? 'All' : undefined };
}

function acceptFor(as: ListOptions['as'], kind: string): Record<string, string> {
  return as === 'metadata' ? { accept: `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json` } : {};
}
