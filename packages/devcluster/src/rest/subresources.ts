import type { ServerResponse } from 'node:http';
import { ApiError, badRequest, methodNotAllowed, notFound, notImplemented } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { decodeJson, decodeObject, mediaType } from '../http/body.js';
import { sendJson } from '../http/respond.js';
import { asArray, asObject, asString, isObject, type JsonObject, valueAt } from '../json.js';
import { applyJsonPatch } from '../patch/json-patch.js';
import { mergePatch } from '../patch/merge-patch.js';
import { resourceName } from '../resources/definition.js';
import { type ResourceRequest, refOf } from './context.js';
import { serveEviction } from './eviction.js';
import { updateObject } from './update.js';

/** Serves what lies below an object, except its status. */
export function serveSubresource(request: ResourceRequest, response: ServerResponse): void {
  const { subresource } = request.info;
  const serve = SUBRESOURCES[subresource];
  if (serve === undefined) throw notImplemented(`${request.info.resource}/${subresource}`);
  serve(request, response);
}

const SUBRESOURCES: { readonly [name: string]: (request: ResourceRequest, response: ServerResponse) => void } = {
  binding: serveBinding,
  eviction: serveEviction,
  finalize: serveFinalize,
  scale: serveScale,
};

function found(request: ResourceRequest): KubeObject {
  const object = request.cluster.store.get(refOf(request));
  if (object === undefined) throw notFound(resourceName(request.definition), request.info.name);
  return object;
}

function change(request: ResourceRequest, edit: (object: KubeObject) => KubeObject): KubeObject {
  const { cluster, definition, dryRun, info, manager } = request;
  const namespace = definition.namespaced ? info.namespace : '';
  return updateObject(cluster, definition, {
    namespace,
    name: info.name,
    subresource: '',
    manager,
    dryRun,
    change: edit,
  });
}

/** Binds a pod to a node, as a scheduler does. */
function serveBinding(request: ResourceRequest, response: ServerResponse): void {
  if (request.info.verb !== 'create') throw methodNotAllowed();
  const binding = asObject(decodeObject(request.body, request.contentType));
  const node = asString(asObject(binding['target'])['name']);
  if (node === undefined) throw badRequest('target.name: Required value');
  const { store } = request.cluster;
  const pod = found(request);
  if (asObject(pod['spec'])['nodeName'] !== undefined) {
    const { name } = pod.metadata;
    const message = `Operation cannot be fulfilled on pods/binding "${name}": pod ${name} is already assigned to node ${JSON.stringify(asObject(pod['spec'])['nodeName'])}`;
    throw new ApiError(409, 'Conflict', message, { name, kind: 'pods/binding' });
  }
  const status = asObject(pod['status']);
  const now = request.cluster
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now };
  const conditions = [
    ...asArray(status['conditions']).filter((each) => asObject(each)['type'] !== 'PodScheduled'),
    scheduled,
  ];
  store.put(refOf(request), {
    ...pod,
    spec: { ...asObject(pod['spec']), nodeName: node },
    status: { ...status, conditions },
  });
  sendJson(response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

/** `PUT namespaces/NAME/finalize`: sets `spec.finalizers`; the last one taken away lets a dying namespace go. */
function serveFinalize(request: ResourceRequest, response: ServerResponse): void {
  if (request.info.verb !== 'update') throw methodNotAllowed();
  const wanted = asObject(decodeObject(request.body, request.contentType));
  const finalizers = asArray(asObject(wanted['spec'])['finalizers']);
  const namespace = found(request);
  const next: KubeObject = { ...namespace, spec: finalizers.length === 0 ? {} : { finalizers } };
  const { store } = request.cluster;
  const gone = finalizers.length === 0 && namespace.metadata.deletionTimestamp !== undefined;
  if (gone && (namespace.metadata.finalizers ?? []).length === 0) store.delete(refOf(request), next);
  sendJson(response, 200, gone ? next : store.put(refOf(request), next));
}

interface ScalePaths {
  readonly replicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly selector?: readonly string[];
}

function steps(path: string): string[] {
  return path.split('.').filter((step) => step !== '');
}

function scalePaths({ definition }: ResourceRequest): ScalePaths {
  const custom = definition.scale;
  if (custom === undefined) return { replicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'] };
  return {
    replicas: steps(custom.specReplicasPath),
    statusReplicas: steps(custom.statusReplicasPath),
    ...(custom.labelSelectorPath === undefined ? {} : { selector: steps(custom.labelSelectorPath) }),
  };
}

function serveScale(request: ResourceRequest, response: ServerResponse): void {
  const paths = scalePaths(request);
  const { body, contentType, info } = request;
  switch (info.verb) {
    case 'get':
      return sendJson(response, 200, scaleOf(found(request), paths));
    case 'update':
      return sendJson(
        response,
        200,
        rescale(request, () => decodeObject(body, contentType), paths),
      );
    case 'patch':
      return sendJson(
        response,
        200,
        rescale(request, (scale) => patchScale(scale, decodeJson(body), contentType), paths),
      );
    default:
      throw methodNotAllowed();
  }
}

function patchScale(scale: JsonObject, patch: unknown, contentType: string | undefined): unknown {
  const type = mediaType(contentType);
  if (type === 'application/json-patch+json') return applyJsonPatch(scale, patch);
  if (type === 'application/merge-patch+json' || type === 'application/strategic-merge-patch+json')
    return mergePatch(scale, patch);
  throw new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
}

function rescale(request: ResourceRequest, edit: (scale: JsonObject) => unknown, paths: ScalePaths): JsonObject {
  const changed = change(request, (object) => {
    const scale = asObject(edit(scaleOf(object, paths)));
    const replicas = asObject(scale['spec'])['replicas'] ?? 0;
    const { resourceVersion } = asObject(scale['metadata']);
    const metadata = { ...object.metadata };
    if (typeof resourceVersion === 'string' && resourceVersion !== '') metadata.resourceVersion = resourceVersion;
    const next: KubeObject = { ...object, metadata };
    setAt(next, paths.replicas, replicas);
    return next;
  });
  return scaleOf(changed, paths);
}

function setAt(target: JsonObject, path: readonly string[], value: unknown): void {
  const [step = '', ...rest] = path;
  if (rest.length === 0) target[step] = value;
  else {
    const child = isObject(target[step]) ? { ...target[step] } : {};
    target[step] = child;
    setAt(child, rest, value);
  }
}

function scaleOf(object: KubeObject, paths: ScalePaths): JsonObject {
  const { creationTimestamp, name, namespace, resourceVersion, uid } = object.metadata;
  const selector = paths.selector === undefined ? selectorText(object) : valueAt(object, paths.selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: valueAt(object, paths.replicas) ?? 0 },
    status: { replicas: valueAt(object, paths.statusReplicas) ?? 0, ...(selector === undefined ? {} : { selector }) },
  };
}

function selectorText(object: KubeObject): string | undefined {
  const selector = valueAt(object, ['spec', 'selector']);
  const labels = asObject(object.kind === 'ReplicationController' ? selector : asObject(selector)['matchLabels']);
  const parts = Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`);
  return parts.length === 0 ? undefined : parts.toSorted().join(',');
}
