import type { InjectionToken } from 'tsyringe';
import type { Observable } from 'rxjs';
import type { ExecOptions, ExecRequest, ExecResult } from './exec/contract.js';
import type { KubeObject, ObjectRef, Resource } from './model.js';
import type { WatchEvent, WatchScope, WatchStats } from './watch/contract.js';

export interface RequestOptions {
  /** Aborts down to the socket; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * For the whole request, retries included. Default 30,000 from when it is sent: 64 requests are under way at a time, the others wait. One with
   * a timeout of its own does not wait.
   */
  readonly timeoutMs?: number | undefined;
  /** Nobody waits for it: `KubeClientOptions.onRequest` is not called. */
  readonly background?: boolean | undefined;
}

export interface ListOptions extends RequestOptions {
  /** All namespaces when left out. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects per page; default 100: smaller pages cost time, larger ones memory. */
  readonly pageSize?: number | undefined;
  /** `metadata` asks the server for PartialObjectMetadata only: no contents cross the wire. Default `object`. */
  readonly as?: 'object' | 'metadata' | undefined;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  /** The same on all pages of one list. */
  readonly resourceVersion: string;
}

export interface WriteOptions extends RequestOptions {
  /** Default `kube-trigger`. */
  readonly fieldManager?: string | undefined;
  readonly dryRun?: boolean | undefined;
  /** `metadata` has the server answer with PartialObjectMetadata only: what was sent does not come back. Default `object`. */
  readonly as?: 'object' | 'metadata' | undefined;
}

export interface PatchOptions extends WriteOptions {
  /** `strategic` works for built-in kinds only, `apply` is server-side apply (the body then is the full intent). */
  readonly type: 'merge' | 'json' | 'strategic' | 'apply';
  readonly subresource?: string | undefined;
  /** With `apply`: take over fields that other managers own. */
  readonly force?: boolean | undefined;
}

export interface UpdateOptions extends WriteOptions {
  readonly subresource?: string | undefined;
}

export interface DeleteOptions extends RequestOptions {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
  /** Default: the server's (`Background` for nearly all kinds). */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly gracePeriodSeconds?: number | undefined;
}

export interface RawRequest extends RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | undefined;
  /** Absolute on the server, e.g. `/apis/apps/v1`; segments already encoded. */
  readonly path: string;
  /** `undefined` values are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string | undefined;
  /** Answers larger than this are refused with `KT_KUBE_TOO_LARGE`. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
}

export type GetOptions = RequestOptions & Pick<ListOptions, 'as'> & Pick<RawRequest, 'maxBytes'>;

export interface AccessQuestion {
  readonly verb: string;
  readonly resource: Resource;
  /** All namespaces when left out. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

export interface AccessAnswer {
  readonly allowed: boolean;
  readonly reason?: string;
}

/** For metrics and readiness. */
export interface ClientStats {
  readonly watches: readonly WatchStats[];
  /** Sockets of this client that are open or being opened, watches included. */
  readonly openSockets: number;
  /** Since the client was made. Probes and watch (re)connects included. */
  readonly requests: number;
  /** By error code, since the client was made. */
  readonly failures: Readonly<Record<string, number>>;
}

/**
 * One identity's way to the API server. Every method rejects with a `TriggerError` whose code is in `KUBE_ERROR_CODES`, or with
 * `signal.reason` when it was aborted. Answers `429` (any method) and `503` (reads) are repeated after `Retry-After` while the
 * timeout allows; a `401` reloads the credentials and is repeated once. Nothing else is repeated.
 */
export interface KubeClient {
  get<T = KubeObject>(ref: ObjectRef, options?: GetOptions): Promise<T>;
  /** Page by page, so that memory holds one page. Restarts nothing: a `410` on a later page rejects with `KT_KUBE_EXPIRED`. */
  pages<T = KubeObject>(resource: Resource, options?: ListOptions): AsyncIterable<ListPage<T>>;
  /** All pages in one array: for small collections. */
  list<T = KubeObject>(resource: Resource, options?: ListOptions): Promise<T[]>;
  /** `namespace` is `undefined` for cluster-scoped resources. */
  create<T = KubeObject>(
    resource: Resource,
    namespace: string | undefined,
    body: object,
    options?: WriteOptions,
  ): Promise<T>;
  /** A full replacement (PUT). With `metadata.resourceVersion` in the body it is refused with `KT_KUBE_CONFLICT` when outdated. */
  update<T = KubeObject>(ref: ObjectRef, body: object, options?: UpdateOptions): Promise<T>;
  /** One request, no read before it. */
  patch<T = KubeObject>(ref: ObjectRef, body: object | readonly object[], options: PatchOptions): Promise<T>;
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  /** The escape hatch: parsed JSON of any path (`undefined` when the answer has no body). */
  request<T = unknown>(raw: RawRequest): Promise<T>;
  /**
   * Well-known kinds at once, others from discovery (cached; on a miss asked again at most every 10 s per group). Rejects with
   * `KT_KUBE_UNKNOWN_KIND`, which names the nearest kind.
   */
  resourceFor(type: { readonly apiVersion?: string | undefined; readonly kind: string }): Promise<Resource>;
  /** SelfSubjectAccessReview: what the server thinks of this client's identity. */
  canI(question: AccessQuestion, options?: RequestOptions): Promise<AccessAnswer>;
  /**
   * Runs a command in a container and resolves with its exit code, whatever that is. Rejects when it did not run to its end as far as known.
   * Nothing but a 401 is repeated. Needs `get` and, from Kubernetes 1.35 on, `create` of `pods/exec`.
   */
  exec(request: ExecRequest, options?: ExecOptions): Promise<ExecResult>;
  /**
   * Never errors and never completes; cold and shared. Subscribers of one scope (equal resource, namespace, name, selectors and
   * `project.id`) share one connection and one inventory; a late one gets the inventory replayed without a request.
   */
  watch<T>(scope: WatchScope<T>): Observable<WatchEvent<T>>;
  /**
   * For who begins to act on what another process has learnt, a new leader: its own watches may be behind that. Whoever subscribes from now on
   * is told only what a list that begins from now on has confirmed; who has subscribed already hears of it what is new.
   */
  doubtWatches(): void;
  stats(): ClientStats;
  /** Ends watches and requests and closes every socket. Idempotent. Later calls reject with `KT_KUBE_CLOSED`. */
  close(): Promise<void>;
}

export const KubeClientToken: InjectionToken<KubeClient> = Symbol.for('kube-trigger.KubeClient');
