import type { ServerResponse } from 'node:http';
import { expired } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { apiVersionOf, collectionOf } from '../resources/definition.js';
import type { Change } from '../store/collection.js';
import type { ResourceRequest } from './context.js';
import { badMatch } from './list.js';
import { type Presentation, presentationOf } from './present.js';
import { parseRevision } from './revision.js';
import { selectorOf } from './selection.js';

/** A watcher that lets this much pile up unread is cut off, as the API server does with slow watchers. Bytes. */
const BACKLOG_LIMIT = 64 * 1024 * 1024;
/** The API server ends a watch without timeoutSeconds after 30 to 60 minutes. */
const DEFAULT_TIMEOUT_SECONDS = 1800;
/** The last bookmark comes this long before the server ends the watch. */
const LAST_BOOKMARK_MS = 2000;

type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Serves one watch until its timeout, the client's departure, or the end of the resource. */
export function serveWatch(request: ResourceRequest, response: ServerResponse): void {
  const presentation = presentationOf(request);
  if (request.info.query.has('resourceVersionMatch')) {
    throw badMatch('Forbidden: resourceVersionMatch is forbidden for watch');
  }
  const wanted = parseRevision(request.info.query.get('resourceVersion'));
  const matches = selectorOf(request);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  new WatchSession(request, response, { presentation, matches }).start(wanted);
}

/** The lines of the change being dispatched: made once for each version and presentation, whatever the number of watchers. */
let shared: { change: Change | undefined; lines: Map<string, string> } = { change: undefined, lines: new Map() };

function sharedLine(change: Change, key: string, make: () => string): string {
  if (shared.change !== change) shared = { change, lines: new Map() };
  let line = shared.lines.get(key);
  if (line === undefined) {
    line = make();
    shared.lines.set(key, line);
  }
  return line;
}

class WatchSession {
  private readonly prefix: string;
  private readonly timers = new Set<NodeJS.Timeout>();
  private unsubscribe: () => void = () => undefined;
  private sentAny = false;

  constructor(
    private readonly request: ResourceRequest,
    private readonly response: ServerResponse,
    private readonly view: { readonly presentation: Presentation; readonly matches: (object: KubeObject) => boolean },
  ) {
    const { definition, info } = request;
    this.prefix = definition.namespaced && info.namespace !== '' ? `${info.namespace}/` : '';
  }

  start(from: number | undefined): void {
    const { cluster, definition, info } = this.request;
    const collection = cluster.store.collection(collectionOf(definition));
    if (from === undefined || from === 0) {
      for (const key of collection.keysFrom(this.prefix)) {
        const object = collection.objects.get(key);
        if (object !== undefined && this.view.matches(object)) this.send('ADDED', object);
      }
    } else {
      const missed = collection.changesSince(from);
      if (missed === undefined) {
        this.send('ERROR', expired(`too old resource version: ${from} (${collection.forgottenTo})`).toStatus());
        this.response.end();
        return;
      }
      for (const change of missed) this.onChange(change);
    }
    this.unsubscribe = collection.subscribe((change) => {
      if (from === undefined || change.revision > from) this.onChange(change);
    });
    this.response.on('close', () => this.stop());
    this.schedule(info.query);
    cluster.watches.add(this);
  }

  private schedule(query: URLSearchParams): void {
    const seconds = Number(query.get('timeoutSeconds') ?? '0') || DEFAULT_TIMEOUT_SECONDS;
    const { bookmarkIntervalMs } = this.request.cluster;
    this.timers.add(setTimeout(() => this.end(), seconds * 1000));
    if (query.get('allowWatchBookmarks') !== 'true') return;
    this.timers.add(setInterval(() => this.bookmark(), bookmarkIntervalMs));
    const last = seconds * 1000 - LAST_BOOKMARK_MS;
    if (last > 0) this.timers.add(setTimeout(() => this.bookmark(), last));
  }

  /** Ends the stream as a server does that is done: the last chunk, then FIN or the next request. */
  end(): void {
    this.stop();
    this.response.end();
  }

  get collection(): string {
    return collectionOf(this.request.definition);
  }

  private stop(): void {
    this.unsubscribe();
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.request.cluster.watches.delete(this);
  }

  private onChange(change: Change): void {
    if (!change.key.startsWith(this.prefix)) return;
    const had = change.previous !== undefined && this.view.matches(change.previous);
    if (change.type === 'DELETED') {
      if (had) this.sendShared(change, 'DELETED', change.object);
      return;
    }
    const has = this.view.matches(change.object);
    if (has) this.sendShared(change, had ? 'MODIFIED' : 'ADDED', change.object);
    else if (had && change.previous !== undefined) {
      // Leaving the selection looks like a deletion: the last state that matched, at the revision of the change.
      const metadata = { ...change.previous.metadata, resourceVersion: String(change.revision) };
      this.sendShared(change, 'DELETED', { ...change.previous, metadata });
    }
  }

  private sendShared(change: Change, type: WatchEventType, object: KubeObject): void {
    const { presentation } = this.view;
    if (presentation.key === undefined) this.send(type, object);
    else {
      const left = object !== change.object;
      this.write(sharedLine(change, `${type} ${left} ${presentation.key}`, () => this.line(type, object)));
    }
  }

  private send(type: WatchEventType, object: object): void {
    this.write(this.line(type, object));
  }

  private line(type: WatchEventType, object: object): string {
    const shownObject = type === 'ERROR' ? object : this.view.presentation.one(object as KubeObject, !this.sentAny);
    return `${JSON.stringify({ type, object: shownObject })}\n`;
  }

  private write(line: string): void {
    this.sentAny = true;
    this.response.write(line);
    if (this.response.writableLength > BACKLOG_LIMIT) this.response.destroy();
  }

  private bookmark(): void {
    const { cluster, definition } = this.request;
    // No name: a bookmark is of the kind's type and holds a revision alone.
    const metadata = { resourceVersion: String(cluster.store.revision), creationTimestamp: null };
    const object = { kind: definition.kind, apiVersion: apiVersionOf(definition), metadata };
    this.send('BOOKMARK', object);
  }
}
