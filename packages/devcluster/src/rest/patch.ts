import { ApiError, badRequest, unsupportedMediaType } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { decodeJson, mediaType } from '../http/body.js';
import { clone, isObject } from '../json.js';
import { applyJsonPatch } from '../patch/json-patch.js';
import { mergePatch } from '../patch/merge-patch.js';
import { strategicMerge } from '../patch/strategic-merge.js';
import type { ResourceDefinition } from '../resources/definition.js';
import { admission } from './admission.js';
import type { ResourceRequest } from './context.js';
import { decodeInto } from './decode.js';
import { updateObject } from './update.js';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const APPLY_PATCH = 'application/apply-patch+yaml';
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';

function unsupported({ custom }: ResourceDefinition): ApiError {
  return custom
    ? unsupportedMediaType([JSON_PATCH, MERGE_PATCH, APPLY_PATCH])
    : new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
}

/** Serves PATCH with a JSON, merge or strategic merge patch. */
export function patchObject(request: ResourceRequest): KubeObject {
  const { cluster, definition, info, manager, dryRun } = request;
  const apply = patcher(request);
  return updateObject(cluster, definition, {
    namespace: definition.namespaced ? info.namespace : '',
    name: info.name,
    subresource: info.subresource,
    manager,
    dryRun,
    patching: true,
    ...admission(request),
    change: (current) => decodeInto(definition, apply(current)),
  });
}

function forceForbidden(): ApiError {
  const message = 'Forbidden: may not be specified for non-apply patch';
  return new ApiError(422, 'Invalid', `PatchOptions.meta.k8s.io "" is invalid: force: ${message}`, {
    group: 'meta.k8s.io',
    kind: 'PatchOptions',
    causes: [{ reason: 'FieldValueForbidden', message, field: 'force' }],
  });
}

function patcher({ body, contentType, definition, info }: ResourceRequest): (current: KubeObject) => unknown {
  const type = mediaType(contentType);
  if (type !== JSON_PATCH && type !== MERGE_PATCH && type !== STRATEGIC_PATCH) throw unsupported(definition);
  if (type === STRATEGIC_PATCH && definition.custom) throw unsupported(definition);
  if (info.query.has('force')) throw forceForbidden();
  const patch = decodeJson(body);
  if (type === JSON_PATCH) return (current) => applyJsonPatch(current, patch);
  if (!isObject(patch))
    throw badRequest('error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}');
  if (type === MERGE_PATCH) return (current) => mergePatch(current, patch);
  return (current) => strategicMerge(clone(current), patch, rootSchema(definition));
}

const META_PATCH_SCHEMA = {
  type: 'object',
  properties: {
    finalizers: { type: 'array', items: { type: 'string' }, 'x-kubernetes-patch-strategy': 'merge' },
    ownerReferences: { type: 'array', 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-patch-merge-key': 'uid' },
  },
} as const;

function rootSchema(definition: ResourceDefinition): ResourceDefinition['schema'] {
  return { ...definition.schema, properties: { ...definition.schema?.properties, metadata: META_PATCH_SCHEMA } };
}
