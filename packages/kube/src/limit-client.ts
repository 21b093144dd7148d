import { type RbacRule, TriggerError } from '@kube-trigger/core';
import { defer, type Observable, throwError } from 'rxjs';
import type {
  AccessAnswer,
  AccessQuestion,
  ClientStats,
  DeleteOptions,
  KubeClient,
  ListOptions,
  ListPage,
  PatchOptions,
  RawRequest,
  RequestOptions,
  UpdateOptions,
  WriteOptions,
} from './client.js';
import type { ExecOptions, ExecRequest, ExecResult } from './exec/contract.js';
import { attributesOf, withQuery } from './http/api-path.js';
import type { KubeObject, ObjectRef, Resource } from './model.js';
import type { WatchEvent, WatchScope } from './watch/contract.js';
import { WELL_KNOWN } from './well-known.js';

export interface Declared {
  /** What the plugin said that it needs. */
  readonly rbac: readonly RbacRule[];
  /** Where rules that say `inOperatorNamespace` hold. */
  readonly operatorNamespace: string;
}

/**
 * The same client for a plugin: what its `rbac` does not have is refused with `KT_PLUGIN_UNDECLARED` before anything is sent, so that a plugin
 * never has more than the Roles that were made from its declaration, whatever the operator may do. Closing it is the host's.
 */
export function limitClient(client: KubeClient, declared: Declared): KubeClient {
  return new LimitedKubeClient(client, declared);
}

interface Attributes {
  readonly verb: string;
  readonly group: string;
  /** With its subresource: `pods/exec`. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

class LimitedKubeClient implements KubeClient {
  constructor(
    private readonly client: KubeClient,
    private readonly declared: Declared,
  ) {}

  async get<T = KubeObject>(ref: ObjectRef, options?: RequestOptions & Pick<ListOptions, 'as'>): Promise<T> {
    this.#must('get', ref);
    return this.client.get<T>(ref, options);
  }

  async *pages<T = KubeObject>(resource: Resource, options?: ListOptions): AsyncIterable<ListPage<T>> {
    this.#must('list', { resource, namespace: options?.namespace, name: nameIn(options?.fieldSelector) });
    yield* this.client.pages<T>(resource, options);
  }

  async list<T = KubeObject>(resource: Resource, options?: ListOptions): Promise<T[]> {
    this.#must('list', { resource, namespace: options?.namespace, name: nameIn(options?.fieldSelector) });
    return this.client.list<T>(resource, options);
  }

  async create<T = KubeObject>(
    resource: Resource,
    namespace: string | undefined,
    body: object,
    options?: WriteOptions,
  ): Promise<T> {
    this.#must('create', { resource, namespace, name: (body as KubeObject).metadata?.name });
    return this.client.create<T>(resource, namespace, body, options);
  }

  async update<T = KubeObject>(ref: ObjectRef, body: object, options?: UpdateOptions): Promise<T> {
    this.#must('update', ref, options?.subresource);
    return this.client.update<T>(ref, body, options);
  }

  async patch<T = KubeObject>(ref: ObjectRef, body: object | readonly object[], options: PatchOptions): Promise<T> {
    this.#must('patch', ref, options.subresource);
    return this.client.patch<T>(ref, body, options);
  }

  async delete(ref: ObjectRef, options?: DeleteOptions): Promise<void> {
    this.#must('delete', ref);
    return this.client.delete(ref, options);
  }

  async request<T = unknown>(raw: RawRequest): Promise<T> {
    const asked = attributesOf(raw.method ?? 'GET', withQuery(raw.path, raw.query));
    const { group } = asked;
    if (group !== undefined) this.#mustBe({ ...asked, group });
    // What the server shows to everybody: its version, and which kinds there are.
    else if ((raw.method ?? 'GET') !== 'GET') throw undeclared(`${asked.verb} ${asked.path}`);
    return this.client.request<T>(raw);
  }

  async exec(request: ExecRequest, options?: ExecOptions): Promise<ExecResult> {
    const pod = { resource: WELL_KNOWN.Pod, namespace: request.namespace, name: request.pod };
    for (const verb of ['get', 'create']) this.#must(verb, pod, 'exec');
    return this.client.exec(request, options);
  }

  resourceFor(type: { readonly apiVersion?: string | undefined; readonly kind: string }): Promise<Resource> {
    return this.client.resourceFor(type);
  }

  canI(question: AccessQuestion, options?: RequestOptions): Promise<AccessAnswer> {
    return this.client.canI(question, options);
  }

  watch<T>(scope: WatchScope<T>): Observable<WatchEvent<T>> {
    return defer(() => {
      const name = scope.name ?? nameIn(scope.fieldSelector);
      try {
        for (const verb of ['list', 'watch']) this.#must(verb, { ...scope, name });
      } catch (thrown) {
        return throwError(() => thrown);
      }
      return this.client.watch(scope);
    });
  }

  /** What others share is not for the holder of a part to call in question. */
  doubtWatches(): void {}

  stats(): ClientStats {
    return this.client.stats();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #must(
    verb: string,
    on: { readonly resource: Resource; readonly namespace?: string | undefined; readonly name?: string | undefined },
    subresource?: string,
  ): void {
    const { group, plural, namespaced } = on.resource;
    const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
    this.#mustBe({ verb, group, resource, namespace: namespaced ? on.namespace : undefined, name: on.name });
  }

  #mustBe(asked: Attributes): void {
    if (this.declared.rbac.some((rule) => this.#allows(rule, asked))) return;
    const { verb, group, resource, namespace } = asked;
    const place = namespace === undefined || namespace === '' ? '' : ` in namespace ${namespace}`;
    throw undeclared(`${verb} ${group === '' ? resource : `${resource}.${group}`}${place}`);
  }

  #allows(rule: RbacRule, { verb, group, resource, namespace, name }: Attributes): boolean {
    return (
      has(rule.apiGroups, group) &&
      has(rule.resources, resource) &&
      has(rule.verbs, verb) &&
      (rule.resourceNames === undefined || (name !== undefined && rule.resourceNames.includes(name))) &&
      (rule.inOperatorNamespace !== true || namespace === this.declared.operatorNamespace)
    );
  }
}

function has(list: readonly string[], item: string): boolean {
  return list.includes(item) || list.includes('*');
}

function nameIn(fieldSelector: string | undefined): string | undefined {
  return /(?:^|,)metadata\.name=([^,]+)/.exec(fieldSelector ?? '')?.[1];
}

function undeclared(what: string): TriggerError {
  return new TriggerError('KT_PLUGIN_UNDECLARED', `the plugin asks for "${what}", which its rbac does not have`, {
    retry: 'never',
    fix: 'The author of the plugin adds it to rbac in its definition, so that Roles made from it have it too',
  });
}
