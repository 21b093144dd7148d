import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { type ApiClient, ApiError, errorFromStatus } from './api-client.js';
import type { KubeObject } from './objects.js';
import type { Store } from './store.js';

export interface WatchTarget<T extends KubeObject> {
  client: ApiClient;
  /** Of the collection over all namespaces. */
  path: string;
  fieldSelector?: string;
  store: Store<T>;
  /** Makes an object of a list or an event fit for the store. */
  prepare(object: T): T;
  /** Told after each complete list. */
  listed(): void;
  onError(error: unknown): void;
}

interface ListBody<T> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[] | null;
}

type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: T }
  | { type: 'ERROR'; object: unknown };

const pageSize = '500';
const firstPauseMs = 50;
const longestPauseMs = 5_000;

/**
 * Keeps a store equal to the server until `signal` aborts: one list, then one watch that goes on from where the last one ended.
 *
 * A watch that the server ends in the usual way is reopened at its last version. One that breaks, or whose version the server no
 * longer has (410), or any failure, leads to a new list after a pause of 50 ms, doubling up to 5 s, with jitter.
 */
export async function keepInStep<T extends KubeObject>(target: WatchTarget<T>, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const began = Date.now();
    try {
      const version = await list(target);
      target.listed();
      await follow(target, version, signal);
    } catch (error) {
      if (signal.aborted) return;
      // What held for a while was sound: start over with short pauses.
      failures = Date.now() - began > longestPauseMs ? 0 : failures + 1;
      target.onError(error);
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** failures) * (0.5 + Math.random() / 2);
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function list<T extends KubeObject>(target: WatchTarget<T>): Promise<string> {
  const since = target.store.sequence;
  const objects: T[] = [];
  let from: string | undefined;
  for (;;) {
    const page = await target.client.request<ListBody<T>>({
      method: 'GET',
      path: target.path,
      query: { limit: pageSize, ...selection(target), ...(from === undefined ? {} : { continue: from }) },
    });
    for (const object of page.items ?? []) objects.push(target.prepare(object));
    from = page.metadata.continue;
    if (from !== undefined && from !== '') continue;
    const version = page.metadata.resourceVersion;
    target.store.replace(objects, { since, version });
    return version;
  }
}

/** Watches from `version` on, again and again; ends only by an error. */
async function follow<T extends KubeObject>(
  target: WatchTarget<T>,
  version: string,
  signal: AbortSignal,
): Promise<never> {
  let from = version;
  for (;;) {
    const began = Date.now();
    const timeoutSeconds = 240 + Math.floor(Math.random() * 240);
    const response = await target.client.open({
      method: 'GET',
      path: target.path,
      query: {
        watch: '1',
        resourceVersion: from,
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(timeoutSeconds),
        ...selection(target),
      },
    });
    // The server ends the watch itself; when it does not, it is frozen.
    const late = setTimeout(
      () => response.destroy(new Error('the watch did not end in time')),
      (timeoutSeconds + 15) * 1000,
    );
    try {
      for await (const event of events<T>(response)) from = take(target, event);
    } finally {
      clearTimeout(late);
      response.destroy();
    }
    // A server that ends each watch at once must not be asked in a tight loop.
    if (Date.now() - began < 1000) await pause(500 + Math.random() * 500, undefined, { signal });
  }
}

/** Applies one event; answers the version that a next watch starts from. */
function take<T extends KubeObject>(target: WatchTarget<T>, event: WatchEvent<T>): string {
  if (event.type === 'ERROR') throw errorFromStatus(event.object, 500);
  if (event.type === 'ADDED' || event.type === 'MODIFIED') target.store.put(target.prepare(event.object));
  if (event.type === 'DELETED') target.store.remove(target.prepare(event.object));
  return event.object.metadata.resourceVersion;
}

async function* events<T>(response: IncomingMessage): AsyncGenerator<WatchEvent<T>> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchEvent<T>;
  }
  if (rest !== '') throw new ApiError(0, 'Broken', 'the watch ended in the middle of an event');
}

function selection(target: { fieldSelector?: string }): Record<string, string> {
  return target.fieldSelector === undefined ? {} : { fieldSelector: target.fieldSelector };
}
