import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { collectionPath, attributesOf, withQuery, type Query, type RequestAttributes } from '../http/api-path.js';
import { exchange } from '../http/exchange.js';
import { badResponse, networkError, statusError, type StatusBody } from '../http/problems.js';
import { Answer, USER_AGENT } from '../http/requester.js';
import type { Dialer } from '../http/dialer.js';
import type { KubeObject } from '../model.js';
import { isTriggerError, type TriggerError } from '@kube-trigger/core';
import type { WatchScope } from './contract.js';
import { LineSplitter } from './line-splitter.js';

/** One event as it comes over the wire. */
export interface WireEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubeObject & { readonly metadata: { readonly resourceVersion: string } };
}

/** Where a request of a watch goes out. */
export interface Outlet {
  readonly dispatcher: Dispatcher;
  readonly dial: Dialer;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** `''` after the last page. */
  readonly next: string;
}

export interface StreamOptions {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  /** Only names and versions are wanted. */
  readonly metadataOnly?: boolean;
  readonly signal: AbortSignal;
  /** The server accepted the watch. */
  onOpen(): void;
  onBytes?(): void;
  onEvent(event: WireEvent): void;
}

/** Larger than any list page: 100 objects of etcd's maximum of 1.5 MiB. */
const MAX_PAGE_BYTES = 400 * 1024 * 1024;
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

/** The two requests that a watch is made of, for one scope. */
export class Wire {
  readonly #path: string;
  readonly #selection: Query;

  constructor(
    scope: Omit<WatchScope<unknown>, 'project'>,
    private readonly count: () => void,
  ) {
    this.#path = collectionPath(scope.resource, scope.namespace);
    const byName = scope.name === undefined ? undefined : `metadata.name=${scope.name}`;
    const fields = [byName, scope.fieldSelector].filter((part) => part !== undefined && part !== '').join(',');
    this.#selection = {
      labelSelector: scope.labelSelector === '' ? undefined : scope.labelSelector,
      fieldSelector: fields === '' ? undefined : fields,
    };
  }

  /** `onBytes` is called for headers and every chunk, so that the caller can tell slow from frozen. */
  async list(
    outlet: Outlet,
    options: { readonly limit: number; readonly token: string; readonly signal: AbortSignal; onBytes(): void },
  ): Promise<Page> {
    const query = { ...this.#selection, limit: options.limit, continue: options.token || undefined };
    const { path, attributes } = this.#request(query);
    const answer = new Answer(attributes, MAX_PAGE_BYTES);
    await this.#exchange(outlet, {
      path,
      attributes,
      accept: 'application/json',
      signal: options.signal,
      onHeaders: (status, headers) => {
        options.onBytes();
        answer.begin(status, headers);
      },
      onData: (chunk) => {
        options.onBytes();
        answer.add(chunk);
      },
    });
    return asPage(answer.parse(), attributes);
  }

  /** Resolves when the server ends the watch; rejects with a `TriggerError` for a refusal, an ERROR event or a lost connection. */
  async stream(outlet: Outlet, options: StreamOptions): Promise<void> {
    const { path, attributes } = this.#request({
      ...this.#selection,
      watch: 1,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds,
    });
    const answer = new Answer(attributes, 0);
    const splitter = new LineSplitter((line) => options.onEvent(asEvent(line, attributes)));
    await this.#exchange(outlet, {
      path,
      attributes,
      accept: options.metadataOnly === true ? METADATA_ONLY : 'application/json',
      signal: options.signal,
      onHeaders: (status, headers) => {
        answer.begin(status, headers);
        if (answer.ok) options.onOpen();
      },
      onData: (chunk) => {
        options.onBytes?.();
        if (answer.ok) splitter.push(chunk);
        else answer.add(chunk);
      },
    });
    if (!answer.ok) answer.parse();
  }

  #request(query: Query): { readonly path: string; readonly attributes: RequestAttributes } {
    const path = withQuery(this.#path, query);
    return { path, attributes: attributesOf('GET', path) };
  }

  async #exchange(outlet: Outlet, call: WireCall): Promise<void> {
    this.count();
    try {
      await exchange({
        dispatcher: outlet.dispatcher,
        origin: outlet.dial.origin,
        path: outlet.dial.prefix + call.path,
        method: 'GET',
        headers: { accept: call.accept, 'user-agent': USER_AGENT, ...outlet.headers },
        signal: call.signal,
        onHeaders: call.onHeaders,
        onData: call.onData,
      });
    } catch (thrown) {
      throw asTriggerError(thrown, call.attributes);
    }
  }
}

interface WireCall {
  readonly path: string;
  readonly attributes: RequestAttributes;
  readonly accept: string;
  readonly signal: AbortSignal;
  readonly onHeaders: (status: number, headers: IncomingHttpHeaders) => void;
  readonly onData: (chunk: Buffer) => void;
}

function asTriggerError(thrown: unknown, attributes: RequestAttributes): TriggerError {
  if (isTriggerError(thrown)) return thrown;
  if (thrown instanceof RangeError) return badResponse(attributes, thrown.message);
  return networkError(attributes, thrown);
}

function asPage(body: unknown, attributes: RequestAttributes): Page {
  const { items, metadata } = (body ?? {}) as {
    items?: unknown;
    metadata?: { resourceVersion?: unknown; continue?: unknown };
  };
  const version = metadata?.resourceVersion;
  if ((items !== null && items !== undefined && !Array.isArray(items)) || typeof version !== 'string') {
    throw badResponse(attributes, 'the answer is not a list');
  }
  const list = (items ?? []) as KubeObject[];
  if (!list.every((item) => typeof item?.metadata?.resourceVersion === 'string')) {
    throw badResponse(attributes, 'the list has objects without metadata.resourceVersion');
  }
  return {
    items: list,
    resourceVersion: version,
    next: typeof metadata?.continue === 'string' ? metadata.continue : '',
  };
}

const TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

function asEvent(line: Buffer, attributes: RequestAttributes): WireEvent {
  let parsed: { type?: unknown; object?: unknown } | null;
  try {
    parsed = JSON.parse(line.toString('utf8')) as typeof parsed;
  } catch {
    // V8's message quotes the text, which may be a Secret.
    throw badResponse(attributes, 'a line of the watch is not JSON');
  }
  const { type, object } = parsed ?? {};
  if (type === 'ERROR') {
    const status = (object ?? {}) as StatusBody;
    throw statusError(attributes, status.code ?? 500, status);
  }
  const version = (object as Partial<KubeObject> | undefined)?.metadata?.resourceVersion;
  if (typeof type !== 'string' || !TYPES.has(type) || typeof version !== 'string' || version === '') {
    throw badResponse(attributes, 'a line of the watch is not an event');
  }
  return { type, object } as WireEvent;
}
