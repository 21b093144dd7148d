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
import { ItemSplitter } from './item-splitter.js';
import { LineSplitter } from './line-splitter.js';

/** An object as the server says it: with a version. */
export type SaidObject = KubeObject & { readonly metadata: { readonly resourceVersion: string } };

/** One event as it comes over the wire. */
export interface WireEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: SaidObject;
}

/** Where a request of a watch goes out. */
export interface Outlet {
  readonly dispatcher: Dispatcher;
  readonly dial: Dialer;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a page of a list says beside its objects. */
export interface Page {
  readonly resourceVersion: string;
  /** `''` after the last page. */
  readonly next: string;
}

export interface ListOptions {
  readonly limit: number;
  /** `''` for the first page. */
  readonly token: string;
  /** One object of the scope, in whatever version it has now. */
  readonly only?: { readonly namespace: string; readonly name: string } | undefined;
  /** Only names and versions are wanted. */
  readonly metadataOnly?: boolean;
  readonly signal: AbortSignal;
  /** Called for headers and every chunk, so that the caller can tell slow from frozen. */
  onBytes(): void;
  /** Called for each object as it arrives. What it throws ends the page. */
  onItem(object: SaidObject): void;
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

const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

/** The two requests that a watch is made of, for one scope. */
export class Wire {
  readonly #path: string;
  readonly #selection: Query;

  constructor(
    private readonly scope: Omit<WatchScope<unknown>, 'project' | 'recall'>,
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

  /** One page. Its objects are handed out one by one: memory does not hold the page, so that its size is not one of memory. */
  async list(outlet: Outlet, options: ListOptions): Promise<Page> {
    const { limit, token, only, metadataOnly } = options;
    const page = { limit, continue: token === '' ? undefined : token };
    const { path, attributes } = only === undefined ? this.#request(page) : this.#requestOf(only);
    const answer = new Answer(() => attributes, 0);
    const splitter = new ItemSplitter((item) => options.onItem(asItem(item, attributes)));
    await this.#exchange(outlet, {
      path,
      attributes,
      accept: metadataOnly === true ? METADATA_LIST : 'application/json',
      signal: options.signal,
      onHeaders: (status, headers) => {
        options.onBytes();
        answer.begin(status, headers);
      },
      onData: (chunk) => {
        options.onBytes();
        if (answer.ok) splitter.push(chunk);
        else answer.add(chunk);
      },
    });
    if (!answer.ok) answer.parse();
    return asPage(splitter, attributes);
  }

  /** Resolves when the server ends the watch; rejects with a `TriggerError` for a refusal, an ERROR event or a lost connection. */
  async stream(outlet: Outlet, options: StreamOptions): Promise<void> {
    const { path, attributes } = this.#request({
      watch: 1,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds,
    });
    const answer = new Answer(() => attributes, 0);
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

  #request(query: Query): WireRequest {
    const path = withQuery(this.#path, { ...this.#selection, ...query });
    return { path, attributes: attributesOf('GET', path) };
  }

  /** A list of one, and not a `get`: it needs no other right than the scope, and is held to the same selectors. */
  #requestOf({ namespace, name }: { readonly namespace: string; readonly name: string }): WireRequest {
    const { labelSelector, fieldSelector } = this.#selection;
    const fields = [`metadata.name=${name}`, fieldSelector].filter((part) => part !== undefined).join(',');
    const collection = collectionPath(this.scope.resource, namespace === '' ? undefined : namespace);
    const path = withQuery(collection, { labelSelector, fieldSelector: fields });
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

interface WireRequest {
  readonly path: string;
  readonly attributes: RequestAttributes;
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

function asItem(item: Buffer, attributes: RequestAttributes): SaidObject {
  const parsed = parsedFrom(item, attributes, 'an object of the list is not JSON') as Partial<KubeObject>;
  if (typeof parsed.metadata?.resourceVersion === 'string') return parsed as SaidObject;
  throw badResponse(attributes, 'the list has objects without metadata.resourceVersion');
}

function asPage(splitter: ItemSplitter, attributes: RequestAttributes): Page {
  let around: Buffer;
  try {
    around = splitter.end();
  } catch (thrown) {
    throw asTriggerError(thrown, attributes);
  }
  const { items, metadata } = parsedFrom(around, attributes, 'the answer is not JSON') as {
    items?: unknown;
    metadata?: { resourceVersion?: unknown; continue?: unknown };
  };
  const version = metadata?.resourceVersion;
  if ((items !== null && items !== undefined && !Array.isArray(items)) || typeof version !== 'string') {
    throw badResponse(attributes, 'the answer is not a list');
  }
  return { resourceVersion: version, next: typeof metadata?.continue === 'string' ? metadata.continue : '' };
}

/** V8's message quotes the text, which may be a Secret: `wrong` stands in its place. */
function parsedFrom(bytes: Buffer, attributes: RequestAttributes, wrong: string): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw badResponse(attributes, wrong);
  }
  return parsed ?? {};
}

const TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

function asEvent(line: Buffer, attributes: RequestAttributes): WireEvent {
  const { type, object } = parsedFrom(line, attributes, 'a line of the watch is not JSON') as {
    type?: unknown;
    object?: unknown;
  };
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
