import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { KubeObject } from '../api-types.js';
import type { Store } from './store.js';

interface Saved {
  readonly revision: number;
  readonly collections: { readonly [name: string]: readonly KubeObject[] };
}

/** Reads a data file; undefined when there is none yet. @throws when it is there but cannot be read. */
export function readDataFile(path: string): Saved | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return JSON.parse(text) as Saved;
}

export function loadSaved(store: Store, saved: Saved): void {
  for (const [collection, objects] of Object.entries(saved.collections)) {
    for (const object of objects) {
      store.load({ collection, namespace: object.metadata.namespace ?? '', name: object.metadata.name }, object);
    }
  }
}

/** Replaces the file as a whole, so that a crash leaves the old or the new one. */
export function writeDataFile(path: string, store: Store): void {
  const collections = Object.fromEntries(
    store.names().map((name) => [name, [...store.collection(name).objects.values()]]),
  );
  const saved: Saved = { revision: store.revision, collections };
  writeFileSync(`${path}.new`, JSON.stringify(saved), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Writes the file at most once a second while there are changes, and a last time when stopped. */
export function keepDataFile(path: string, store: Store): () => void {
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    timer = undefined;
    writeDataFile(path, store);
  };
  const unsubscribe = store.subscribe(() => {
    timer ??= setTimeout(save, 1000);
  });
  return () => {
    unsubscribe();
    clearTimeout(timer);
    save();
  };
}
