import { clone, getKey, isObject, type JsonObject, setKey } from '../json.js';

/** RFC 7386: null removes, objects merge, everything else replaces. The target is not changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return clone(patch);
  const out: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else setKey(out, key, mergePatch(getKey(out, key), value));
  }
  return out;
}
