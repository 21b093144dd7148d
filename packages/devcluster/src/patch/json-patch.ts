import jsonPatch, { type Operation } from 'fast-json-patch';
import { ApiError, badRequest } from '../api-error.js';
import { clone, isObject } from '../json.js';

const OPERATIONS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
/** The API server's limit of operations in one patch. */
const LIMIT = 10_000;

/**
 * RFC 6902. The target is not changed.
 *
 * @throws ApiError 400 for what is not a patch, 422 when an operation cannot be done or a `test` fails.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch) || !patch.every((each) => isObject(each)))
    throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  if (patch.length > LIMIT) {
    throw new ApiError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${LIMIT}, got ${patch.length}`,
    );
  }
  for (const each of patch) {
    if (typeof each['op'] !== 'string' || !OPERATIONS.has(each['op']) || typeof each['path'] !== 'string') {
      throw unprocessable();
    }
  }
  try {
    return jsonPatch.applyPatch(clone(target), patch as unknown as Operation[], true, true, true).newDocument;
  } catch {
    throw unprocessable();
  }
}

function unprocessable(): ApiError {
  return new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}
