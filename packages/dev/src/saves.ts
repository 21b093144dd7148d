import { type FSWatcher, readdirSync, realpathSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { findPluginPackage } from '@kube-trigger/operator';

/** An editor writes a file in several steps. */
const QUIET_MS = 100;

/** Tells of saves below some paths, once for those that come together. */
export class Saves implements Disposable {
  readonly #watchers: FSWatcher[] = [];
  readonly #pluginFolders = new Set<string>();
  readonly #timers = new Map<() => void, NodeJS.Timeout>();

  /** A file, or the files of a folder. Throws, naming the path, when it is not there. */
  on(path: string, changed: () => void): void {
    // Its folder is watched: many editors put a new file in the place of the old, which the old one's watch does not see.
    if (statSync(path).isDirectory()) this.#watch(path, () => this.#soon(changed));
    else this.#watch(dirname(path), (name) => name === basename(path) && this.#soon(changed));
  }

  /** The folders of the plugins' modules and those in them, but for what was installed from elsewhere. */
  onPlugins(plugins: readonly string[], directory: string, changed: () => void): void {
    for (const wanted of plugins) {
      const { entry } = findPluginPackage(wanted, directory);
      if (entry !== undefined) this.#below(dirname(realpathSync(entry)), changed);
    }
  }

  /** Folder by folder: Node's own recursion loses files that are replaced. */
  #below(folder: string, changed: () => void): void {
    if (this.#pluginFolders.has(folder)) return;
    if (folder.split(sep).some((part) => part === 'node_modules' || part === '.git')) return;
    this.#pluginFolders.add(folder);
    this.#watch(folder, (name) => {
      if (isFolder(join(folder, name))) this.#below(join(folder, name), changed);
      this.#soon(changed);
    });
    for (const name of readdirSync(folder)) if (isFolder(join(folder, name))) this.#below(join(folder, name), changed);
  }

  #watch(folder: string, heard: (name: string) => unknown): void {
    const watcher = watch(folder, (_, name) => void heard(name ?? ''));
    // It was removed: nothing more is saved there.
    watcher.on('error', () => watcher.close());
    this.#watchers.push(watcher);
  }

  #soon(changed: () => void): void {
    clearTimeout(this.#timers.get(changed));
    this.#timers.set(changed, setTimeout(changed, QUIET_MS));
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
