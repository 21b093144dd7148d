import type { ServerResponse } from 'node:http';
import { ApiError, methodNotAllowed, notFound } from '../api-error.js';
import { applyObject } from '../apply/apply.js';
import { decodeObject, mediaType } from '../http/body.js';
import { sendJson } from '../http/respond.js';
import { type KubeObject } from '../api-types.js';
import { resourceName } from '../resources/definition.js';
import { admission } from './admission.js';
import { type ResourceRequest, refOf } from './context.js';
import { createObject, type WriteOptions } from './create.js';
import { decodeInto } from './decode.js';
import { type Deletion, deleteObject, parseDeleteOptions } from './delete.js';
import { listObjects } from './list.js';
import { patchObject } from './patch.js';
import { presentationOf } from './present.js';
import { parseRevision, waitForRevision } from './revision.js';
import { selectorOf } from './selection.js';
import { updateObject } from './update.js';
import { serveWatch } from './watch.js';

/** Serves the verbs of a resource itself and of its `status` subresource. */
export async function serveResource(request: ResourceRequest, response: ServerResponse): Promise<void> {
  checkDryRun(request);
  switch (request.info.verb) {
    case 'get':
      return show(request, response, { code: 200, object: await getObject(request) });
    case 'list':
      return sendJson(response, 200, presentationOf(request).list(await listObjects(request)));
    case 'watch':
      return serveWatch(request, response);
    case 'create':
      return show(request, response, { code: 201, object: create(request) });
    case 'update':
      return show(request, response, { code: 200, object: update(request) });
    case 'patch':
      if (request.info.name === '') throw methodNotAllowed();
      return patch(request, response);
    case 'delete':
      return remove(request, response);
    case 'deletecollection':
      return removeAll(request, response);
    default:
      throw methodNotAllowed();
  }
}

const OPTION_KINDS: { readonly [verb: string]: string } = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
};

function checkDryRun({ info }: ResourceRequest): void {
  const values = info.query.getAll('dryRun');
  const kind = OPTION_KINDS[info.verb];
  if (kind === undefined || values.every((value) => value === 'All' || value === '')) return;
  const list = values.map((value) => JSON.stringify(value)).join(', ');
  const message = `Unsupported value: []string{${list}}: supported values: "All"`;
  throw new ApiError(422, 'Invalid', `${kind}.meta.k8s.io "" is invalid: dryRun: ${message}`, {
    group: 'meta.k8s.io',
    kind,
    causes: [{ reason: 'FieldValueNotSupported', message, field: 'dryRun' }],
  });
}

function show(
  request: ResourceRequest,
  response: ServerResponse,
  { code, object }: { code: number; object: KubeObject },
): void {
  sendJson(response, code, presentationOf(request).one(object, true));
}

function patch(request: ResourceRequest, response: ServerResponse): void {
  if (mediaType(request.contentType) !== 'application/apply-patch+yaml') {
    return show(request, response, { code: 200, object: patchObject(request) });
  }
  const { created, object } = applyObject(request);
  return show(request, response, { code: created ? 201 : 200, object });
}

async function getObject(request: ResourceRequest): Promise<KubeObject> {
  const { cluster, definition, info } = request;
  const wanted = parseRevision(info.query.get('resourceVersion'));
  if (wanted !== undefined && wanted > cluster.store.revision) await waitForRevision(cluster.store, wanted);
  const found = cluster.store.get(refOf(request));
  if (found === undefined) throw notFound(resourceName(definition), info.name);
  return found;
}

function writeOptions(request: ResourceRequest): WriteOptions {
  const { definition, dryRun, info, manager } = request;
  const namespace = definition.namespaced ? info.namespace : '';
  return { namespace, subresource: info.subresource, manager, dryRun, ...admission(request) };
}

function create(request: ResourceRequest): KubeObject {
  const {
    definition: { namespaced },
    info,
  } = request;
  if (info.name !== '' || (namespaced && info.namespace === '')) throw methodNotAllowed();
  const object = decodeInto(request.definition, decodeObject(request.body, request.contentType));
  return createObject(request.cluster, request.definition, { ...writeOptions(request), object });
}

function update(request: ResourceRequest): KubeObject {
  const { body, cluster, contentType, definition, info } = request;
  if (info.name === '') throw methodNotAllowed();
  const next = decodeInto(definition, decodeObject(body, contentType));
  return updateObject(cluster, definition, { ...writeOptions(request), name: info.name, change: () => next });
}

function deleteBody({ body, contentType }: ResourceRequest): unknown {
  return body.length === 0 ? undefined : decodeObject(body, contentType);
}

function remove(request: ResourceRequest, response: ServerResponse): void {
  const { cluster, definition, info } = request;
  if (info.subresource !== '') throw methodNotAllowed();
  const deletion = deleteObject(cluster, definition, {
    ...parseDeleteOptions(deleteBody(request), info.query),
    namespace: definition.namespaced ? info.namespace : '',
    name: info.name,
  });
  if (!deletion.gone || definition.returnsDeleted === true)
    show(request, response, { code: 200, object: deletion.object });
  else sendJson(response, 200, deletedStatus(request, deletion));
}

function deletedStatus({ definition }: ResourceRequest, { object }: Deletion): unknown {
  const { name, uid } = object.metadata;
  const { group, plural } = definition;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(group === '' ? {} : { group }), kind: plural, uid },
  };
}

async function removeAll(request: ResourceRequest, response: ServerResponse): Promise<void> {
  const { cluster, definition } = request;
  const options = parseDeleteOptions(deleteBody(request), request.info.query);
  selectorOf(request);
  const list = await listObjects(request);
  for (const { metadata } of list.items) {
    if (cluster.store.get(refOf(request, metadata.name)) === undefined) continue;
    deleteObject(cluster, definition, { ...options, namespace: metadata.namespace ?? '', name: metadata.name });
  }
  sendJson(response, 200, presentationOf(request).list(list));
}
