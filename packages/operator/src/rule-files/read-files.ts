import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type FileContent, readManifests } from './manifests.js';

/** How messages call standard input. */
export const STDIN = '<stdin>';

/**
 * Reads manifests from files, from the .yaml, .yml and .json files of folders (not of folders in them, as kubectl does), and from standard
 * input for `-`. Rejects, naming the file, when one cannot be read.
 */
export async function readRuleFiles(paths: readonly string[]): Promise<FileContent[]> {
  const contents: FileContent[] = [];
  for (const path of paths) {
    if (path === '-') contents.push(readManifests(await text(process.stdin), STDIN));
    else for (const file of await filesOf(path)) contents.push(readManifests(await readFile(file, 'utf8'), file));
  }
  return contents;
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path);
  if (!found.isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name));
  return files.map(({ name }) => join(path, name)).toSorted();
}
