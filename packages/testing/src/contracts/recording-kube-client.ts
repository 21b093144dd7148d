import { TriggerError } from '@kube-trigger/core';
import {
  type AccessAnswer,
  type AccessQuestion,
  apiVersionOf,
  type ClientStats,
  type DeleteOptions,
  type GetOptions,
  type ExecOptions,
  type ExecRequest,
  type ExecResult,
  type KubeClient,
  type KubeObject,
  type ListOptions,
  type ListPage,
  type ObjectRef,
  type PatchOptions,
  qualifiedName,
  type RawRequest,
  type RequestOptions,
  type Resource,
  WELL_KNOWN,
  type WatchEvent,
  type WatchScope,
} from '@kube-trigger/kube';
import { Observable, Subject } from 'rxjs';
import { FakeObjects, matchesLabels, mergePatch } from './fake-objects.js';
import { jsonPatch } from './json-patch.js';

/** One request as RBAC sees it. */
export interface RecordedRequest {
  readonly verb: string;
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** `pods/exec` → `exec`. */
  readonly subresource?: string | undefined;
  readonly body?: unknown;
}

/** Asked before a request is answered: it may throw, reject, or wait as long as it likes. */
export type Interceptor = (request: RecordedRequest) => void | Promise<void>;

/**
 * A Kubernetes client without a cluster: keeps objects in memory, records every request, and fails as it is told. It answers what plugins
 * need; where it does not know better it refuses instead of making something up (raw requests, patches other than `merge` and `json`).
 */
export class RecordingKubeClient implements KubeClient {
  readonly requests: RecordedRequest[] = [];
  /** Written by the test, seen by the plugin. Nothing done through it is recorded. */
  readonly objects = new FakeObjects();
  /** Commands that were run, in order. */
  readonly commands: ExecRequest[] = [];
  /** How a command in a pod that exists ends. */
  onExec: (request: ExecRequest) => ExecResult | Promise<ExecResult> = () => execResult();
  /** Asked before each request; also, synchronously, when a watch is subscribed. */
  intercept: Interceptor | undefined;
  readonly #forbidden = new Set<string>();
  readonly #interruptions = new Subject<TriggerError | undefined>();
  #openWatches = 0;
  #pending = 0;

  /** Watches that are subscribed and requests that are not answered. */
  get held(): number {
    return this.#openWatches + this.#pending;
  }

  /** Requests so far by verb and resource, e.g. `patch statefulsets.apps`. */
  get said(): string[] {
    return this.requests.map(({ verb, resource }) => `${verb} ${qualifiedName(resource)}`);
  }

  /** Withdraws a verb: its requests answer 403, `canI` says no, and open watches are interrupted. */
  forbid(verb: string, resource: Resource, subresource?: string): void {
    this.#forbidden.add(permission({ verb, resource, subresource }));
    if (verb === 'watch' || verb === 'list') this.interruptWatches(forbidden({ verb, resource }));
  }

  interruptWatches(error: TriggerError): void {
    this.#interruptions.next(error);
  }

  /** After an interruption: everything that exists is said again, and `synced`. */
  resumeWatches(): void {
    this.#forbidden.clear();
    this.#interruptions.next(undefined);
  }

  async get<T = KubeObject>(ref: ObjectRef, options: GetOptions = {}): Promise<T> {
    await this.#ask({ verb: 'get', ...ref }, options.signal);
    const object = this.#existing(ref);
    return (options.as === 'metadata' ? metadataOf(object) : structuredClone(object)) as T;
  }

  async *pages<T = KubeObject>(resource: Resource, options: ListOptions = {}): AsyncIterable<ListPage<T>> {
    const { namespace, labelSelector, fieldSelector, as } = options;
    if (fieldSelector !== undefined) throw unsupported('field selectors');
    await this.#ask({ verb: 'list', resource, namespace }, options.signal);
    const items = this.#select({ resource, namespace, labelSelector }).map((object) =>
      as === 'metadata' ? metadataOf(object) : structuredClone(object),
    );
    yield { items: items as T[], resourceVersion: this.objects.version };
  }

  async list<T = KubeObject>(resource: Resource, options?: ListOptions): Promise<T[]> {
    const all: T[] = [];
    for await (const page of this.pages<T>(resource, options)) all.push(...page.items);
    return all;
  }

  async create<T = KubeObject>(
    resource: Resource,
    namespace: string | undefined,
    body: object,
    options: RequestOptions = {},
  ): Promise<T> {
    await this.#ask({ verb: 'create', resource, namespace, body }, options.signal);
    const draft = body as KubeObject;
    const ref = { resource, namespace, name: draft.metadata.name ?? '' };
    if (this.objects.get(ref) !== undefined) throw refusal('KT_KUBE_CONFLICT', ref, '409 already exists');
    return this.objects.put(resource, { ...draft, metadata: { ...draft.metadata, namespace } }) as T;
  }

  async update<T = KubeObject>(ref: ObjectRef, body: object, options: RequestOptions = {}): Promise<T> {
    await this.#ask({ verb: 'update', ...ref, body }, options.signal);
    this.#existing(ref);
    return this.objects.put(ref.resource, body as KubeObject) as T;
  }

  async patch<T = KubeObject>(ref: ObjectRef, body: object | readonly object[], options: PatchOptions): Promise<T> {
    if (options.type !== 'merge' && options.type !== 'json') throw unsupported(`patches of type ${options.type}`);
    await this.#ask({ verb: 'patch', ...ref, subresource: options.subresource, body }, options.signal);
    const before = this.#existing(ref);
    const patched = options.type === 'json' ? jsonPatch(before, body as readonly object[]) : mergePatch(before, body);
    if (patched === undefined) throw refusal('KT_KUBE_INVALID', ref, '422 the patch does not fit', 'never');
    const { uid, resourceVersion } = (patched as KubeObject).metadata;
    mustBe(before, { uid, resourceVersion }, ref);
    if (options.dryRun === true) return patched as T;
    return this.objects.put(ref.resource, patched as KubeObject) as T;
  }

  async delete(ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    await this.#ask({ verb: 'delete', ...ref }, options.signal);
    mustBe(this.#existing(ref), options.preconditions ?? {}, ref);
    this.objects.remove(ref);
  }

  request<T = unknown>(raw: RawRequest): Promise<T> {
    return Promise.reject(unsupported(`raw requests (${raw.path})`));
  }

  resourceFor({ apiVersion, kind }: { readonly apiVersion?: string; readonly kind: string }): Promise<Resource> {
    const found = Object.values(WELL_KNOWN).find((known) => known.kind === kind);
    if (found !== undefined && (apiVersion ?? apiVersionOf(found)) === apiVersionOf(found))
      return Promise.resolve(found);
    return Promise.reject(new TriggerError('KT_KUBE_UNKNOWN_KIND', `no kind "${kind}" on this cluster`));
  }

  async exec(request: ExecRequest, { signal }: ExecOptions = {}): Promise<ExecResult> {
    const ref = { resource: WELL_KNOWN.Pod, namespace: request.namespace, name: request.pod };
    // What an API server asks RBAC before it opens the WebSocket.
    await this.#ask({ verb: 'get', ...ref, subresource: 'exec' }, signal);
    await this.#ask({ verb: 'create', ...ref, subresource: 'exec' }, signal);
    this.#existing(ref);
    this.commands.push(request);
    this.#pending += 1;
    try {
      return await orAborted(Promise.resolve(this.onExec(request)), signal);
    } finally {
      this.#pending -= 1;
    }
  }

  /** Not recorded: every identity may ask about itself. */
  async canI(question: AccessQuestion, options: RequestOptions = {}): Promise<AccessAnswer> {
    options.signal?.throwIfAborted();
    await Promise.resolve();
    const { verb, resource, subresource } = question;
    return { allowed: !this.#forbidden.has(permission({ verb, resource, subresource })) };
  }

  watch<T>(scope: WatchScope<T>): Observable<WatchEvent<T>> {
    return new Observable((subscriber) => {
      const { resource, namespace, name } = scope;
      for (const verb of ['list', 'watch']) {
        const request = { verb, resource, namespace, name };
        this.requests.push(request);
        void this.intercept?.(request);
      }
      this.#openWatches += 1;
      subscriber.add(() => {
        this.#openWatches -= 1;
      });
      const inventory = () => {
        for (const object of this.#select(scope)) subscriber.next(presentOf(object, scope));
        subscriber.next({ type: 'synced' });
      };
      subscriber.add(
        this.objects.changes.subscribe(({ type, object, before, ...changed }) => {
          if (qualifiedName(changed.resource) !== qualifiedName(resource)) return;
          const was = before !== undefined && inScope(before, scope);
          if (type === 'present' && inScope(object, scope)) subscriber.next(presentOf(object, scope));
          else if (was) subscriber.next({ type: 'absent', ...placeOf(object) });
        }),
      );
      subscriber.add(
        this.#interruptions.subscribe((error) => {
          if (error === undefined) inventory();
          else subscriber.next({ type: 'interrupted', error });
        }),
      );
      const verb = ['list', 'watch'].find((asked) => this.#forbidden.has(`${asked} ${qualifiedName(resource)}`));
      if (verb === undefined) inventory();
      else subscriber.next({ type: 'interrupted', error: forbidden({ verb, resource, namespace, name }) });
    });
  }

  /** Its watches are never behind. */
  doubtWatches(): void {}

  stats(): ClientStats {
    return { watches: [], openSockets: this.held, requests: this.requests.length, failures: {} };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #ask(request: RecordedRequest, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    this.requests.push(request);
    this.#pending += 1;
    try {
      await orAborted(Promise.resolve(this.intercept?.(request)), signal);
    } finally {
      this.#pending -= 1;
    }
    if (this.#forbidden.has(permission(request))) throw forbidden(request);
  }

  #existing(ref: ObjectRef): KubeObject {
    const object = this.objects.get(ref);
    if (object === undefined) throw refusal('KT_KUBE_NOT_FOUND', ref, '404 not found');
    return object;
  }

  #select(scope: Selection): KubeObject[] {
    return this.objects.all(scope.resource).filter((object) => inScope(object, scope));
  }
}

type Selection = Pick<WatchScope<unknown>, 'resource' | 'namespace' | 'name' | 'labelSelector'>;

function inScope(object: KubeObject, { namespace, name, labelSelector }: Selection): boolean {
  const place = placeOf(object);
  return (
    (namespace ?? place.namespace) === place.namespace &&
    (name ?? place.name) === place.name &&
    matchesLabels(object, labelSelector)
  );
}

function placeOf({ metadata }: KubeObject): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
}

function presentOf<T>(object: KubeObject, { project }: WatchScope<T>): WatchEvent<T> {
  const { uid = '', resourceVersion = '' } = object.metadata;
  return { type: 'present', ...placeOf(object), uid, resourceVersion, value: project.of(structuredClone(object)) };
}

function metadataOf({ metadata }: KubeObject): KubeObject {
  return structuredClone({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata });
}

/** How a command ended: with this exit code, having written this. */
export function execResult({ exitCode = 0, stdout = '', stderr = '' } = {}): ExecResult {
  return { exitCode, stdout: tail(stdout), stderr: tail(stderr) };
}

function tail(text: string): ExecResult['stdout'] {
  const bytes = Buffer.from(text);
  return { bytes, total: bytes.length };
}

function permission({ verb, resource, subresource }: RecordedRequest): string {
  return `${verb} ${qualifiedName(resource)}${subresource === undefined ? '' : `/${subresource}`}`;
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function refusal(code: string, ref: ObjectRef, said: string, retry?: 'never'): TriggerError {
  const where = ref.namespace === undefined ? '' : ` in namespace ${ref.namespace}`;
  return new TriggerError(code, `${qualifiedName(ref.resource)} "${ref.name}"${where}: ${said}`, { retry });
}

/** What a request says of the object that it means must be so. */
function mustBe({ metadata }: KubeObject, said: NonNullable<DeleteOptions['preconditions']>, ref: ObjectRef): void {
  const { uid = metadata.uid, resourceVersion = metadata.resourceVersion } = said;
  if (uid === metadata.uid && resourceVersion === metadata.resourceVersion) return;
  throw refusal('KT_KUBE_CONFLICT', ref, '409 it is another one, or was changed');
}

/** In the words of a real API server's RBAC. */
function forbidden({ verb, resource, namespace, name = '', subresource }: RecordedRequest): TriggerError {
  const user = 'User "system:serviceaccount:kube-trigger:kube-trigger"';
  const what = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  const said = `403 ${user} cannot ${verb} resource "${what}" in API group "${resource.group}"`;
  return refusal('KT_KUBE_FORBIDDEN', { resource, namespace, name }, said);
}

function unsupported(what: string): TriggerError {
  return new TriggerError('KT_KUBE_INVALID', `RecordingKubeClient does not answer ${what}; test them on a cluster`, {
    retry: 'never',
  });
}
