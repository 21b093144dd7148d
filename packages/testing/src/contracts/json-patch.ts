import { isDeepStrictEqual } from 'node:util';

interface Operation {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly value?: unknown;
}

/**
 * The part of RFC 6902 that writes what is known: `test`, `add`, `replace` and `remove`. Undefined when an operation cannot be done or a test fails, as for
 * an API server, which then changes nothing. The target is not changed.
 */
export function jsonPatch(target: object, operations: readonly Operation[]): object | undefined {
  const patched = structuredClone(target);
  return operations.every((operation) => apply(patched, operation)) ? patched : undefined;
}

function apply(target: object, { op, path, value }: Operation): boolean {
  const segments = String(path).split('/').slice(1).map(unescaped);
  const last = segments.pop();
  const parent = segments.reduce<unknown>(
    (inner, name) => (inner as Record<string, unknown> | undefined)?.[name],
    target,
  );
  if (typeof parent !== 'object' || parent === null || last === undefined) return false;
  const exists = Object.hasOwn(parent, last);
  const holder = parent as Record<string, unknown>;
  if (op === 'test') return exists && isDeepStrictEqual(holder[last], value);
  if (op === 'remove') return exists && !Array.isArray(parent) && delete holder[last];
  if (op === 'replace' && !exists) return false;
  if (op !== 'replace' && (op !== 'add' || Array.isArray(parent))) return false;
  holder[last] = structuredClone(value);
  return true;
}

function unescaped(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
