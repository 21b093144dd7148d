import type { KeysUsed, PodSpec, References } from '../index/references.js';
import { placesOf } from './places.js';

/**
 * `ConfigMap/app-config` → the names by which its contents are read: its own, a snapshot's, or both where somebody set a part of the
 * references back.
 */
export type ReadAs = ReadonlyMap<string, ReadonlySet<string>>;

export interface Origins {
  readonly readAs: ReadAs;
  /** With every snapshot counted as its origin. */
  readonly references: References;
}

/** Sees through the snapshots that stand for objects. A pointer that no reference follows says nothing. */
export function seeThrough(spec: PodSpec, references: References, pointers: ReadonlyMap<string, string>): Origins {
  const origins = new Map([...pointers].map(([origin, snapshot]) => [`${kindOf(origin)}/${snapshot}`, origin]));
  const readAs = new Map<string, Set<string>>();
  for (const { kind, name } of placesOf(spec)) {
    const object = `${kind}/${name}`;
    const origin = origins.get(object) ?? object;
    const names = readAs.get(origin);
    if (names === undefined) readAs.set(origin, new Set([name]));
    else names.add(name);
  }
  if (origins.size === 0) return { readAs, references };
  const seen = new Map<string, KeysUsed>();
  for (const [object, used] of references) {
    const origin = origins.get(object) ?? object;
    const known = seen.get(origin);
    seen.set(origin, known === undefined ? used : union(known, used));
  }
  return { readAs, references: seen };
}

/** The snapshot that stands for an object in some reference at least; undefined where all name the object itself. */
export function standsFor(readAs: ReadAs, origin: string): string | undefined {
  const own = origin.slice(origin.indexOf('/') + 1);
  for (const name of readAs.get(origin) ?? []) if (name !== own) return name;
  return undefined;
}

/** Which snapshot is to stand for which object (`ConfigMap/app-config`), from now on. */
export type Wanted = ReadonlyMap<string, string>;

/** Whether every reference to these objects, where there are any, is to the snapshot. */
export function arePointed(readAs: ReadAs, wanted: Wanted): boolean {
  return [...wanted].every(([object, snapshot]) => {
    return [...(readAs.get(object) ?? [])].every((name) => name === snapshot);
  });
}

function kindOf(object: string): string {
  return object.slice(0, object.indexOf('/'));
}

function union(a: KeysUsed, b: KeysUsed): KeysUsed {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b]);
}
