/** From the root of a value to a place in it. */
export type Path = readonly (string | number)[];

/** Every place in a value, the root first. */
export function* pathsOf(value: unknown, path: Path = []): Generator<Path> {
  yield path;
  if (typeof value !== 'object' || value === null) return;
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, inner] of entries) yield* pathsOf(inner, [...path, key]);
}

/** A copy with something done to the place that the path leads to. */
export function mutated(value: unknown, [key, ...rest]: Path, change: (value: unknown) => unknown): unknown {
  if (key === undefined) return change(value);
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[key] = mutated(copy[key], rest, change);
  return copy;
}
