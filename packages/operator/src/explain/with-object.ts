import type { KubeClient, KubeObject, ObjectRef, Resource, WatchEvent, WatchScope } from '@kube-trigger/kube';
import { concatMap, type Observable, of } from 'rxjs';

/** The same client, whose watches say of one object that it is the given one: "what if it were applied now?". */
export function withObject(kube: KubeClient, resource: Resource, object: KubeObject): KubeClient {
  const watch = <T>(scope: WatchScope<T>): Observable<WatchEvent<T>> => {
    const original = kube.watch(scope);
    return concerns(scope, resource, object) ? replaced(original, scope, object) : original;
  };
  const get: KubeClient['get'] = <T>(ref: ObjectRef, options?: Parameters<KubeClient['get']>[1]) =>
    concerns({ ...ref, project: NOTHING }, resource, object) ? Promise.resolve(object as T) : kube.get<T>(ref, options);
  return { ...methodsOf(kube), watch, get };
}

const NOTHING = { id: '', of: () => undefined };

function concerns(
  { resource, namespace, name }: WatchScope<unknown>,
  own: Resource,
  { metadata }: KubeObject,
): boolean {
  if (resource.plural !== own.plural || resource.group !== own.group) return false;
  const isThere = namespace === undefined || namespace === metadata.namespace;
  return isThere && (name === undefined || name === metadata.name);
}

function replaced<T>(
  original: Observable<WatchEvent<T>>,
  { project, labelSelector }: WatchScope<T>,
  object: KubeObject,
): Observable<WatchEvent<T>> {
  const { namespace = '', name = '' } = object.metadata;
  let isSaid = false;
  return original.pipe(
    concatMap((event) => {
      const isIt = event.type === 'present' && event.namespace === namespace && event.name === name;
      // Whether a selector matches an object that is not there is the server's to say.
      const isMissing = event.type === 'synced' && !isSaid && labelSelector === undefined;
      if (!isIt && !isMissing) return of(event);
      isSaid = true;
      const value = project.of(object);
      const present = { type: 'present', namespace, name, uid: '', resourceVersion: '', value } as const;
      return isIt ? of(present) : of(present, event);
    }),
  );
}

/** A class's methods are on its prototype: a spread would lose them. */
function methodsOf(kube: KubeClient): KubeClient {
  return {
    get: (ref, options) => kube.get(ref, options),
    pages: (resource, options) => kube.pages(resource, options),
    list: (resource, options) => kube.list(resource, options),
    resourceFor: (type) => kube.resourceFor(type),
    canI: (question, options) => kube.canI(question, options),
    watch: (scope) => kube.watch(scope),
    doubtWatches: () => kube.doubtWatches(),
    stats: () => kube.stats(),
    close: () => kube.close(),
    request: (raw) => kube.request(raw),
    create: (resource, namespace, body, options) => kube.create(resource, namespace, body, options),
    update: (ref, body, options) => kube.update(ref, body, options),
    patch: (ref, body, options) => kube.patch(ref, body, options),
    delete: (ref, options) => kube.delete(ref, options),
    exec: (...command) => kube.exec(...command),
  };
}
