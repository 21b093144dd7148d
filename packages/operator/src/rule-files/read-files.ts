import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type FileContent, readManifests } from './manifests.js';

/** How messages call standard input. */
export const STDIN = '<stdin>';

/**
 * What each path holds, in the order given: a file, the .yaml, .yml and .json files of a folder (not of folders in it, as kubectl does), or
 * standard input for `-`. Rejects, naming the file, when one cannot be read.
 */
export async function readRuleFiles(paths: readonly string[]): Promise<FileContent[]> {
  const contents: FileContent[] = [];
  for (const path of paths) contents.push(await readPath(path));
  return contents;
}

/** Those of the paths that hold no TriggerRule at all, not even one with something wrong in it. */
export function pathsWithoutRules(paths: readonly string[], contents: readonly FileContent[]): string[] {
  return paths.filter((_, i) => contents[i]?.rules.length === 0 && contents[i].findings.length === 0);
}

async function readPath(path: string): Promise<FileContent> {
  if (path === '-') return readManifests(await text(process.stdin), STDIN);
  const contents: FileContent[] = [];
  for (const file of await filesOf(path)) contents.push(readManifests(await readFile(file, 'utf8'), file));
  return {
    rules: contents.flatMap(({ rules }) => rules),
    findings: contents.flatMap(({ findings }) => findings),
  };
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path);
  if (!found.isDirectory()) return [path];
  const files: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const file = join(path, entry.name);
    if (!/\.(ya?ml|json)$/.test(entry.name) || isEditorLock(entry)) continue;
    // Each file of a mounted ConfigMap is a link.
    if (entry.isFile() || (entry.isSymbolicLink() && (await leadsToFile(file)))) files.push(file);
  }
  return files.toSorted();
}

async function leadsToFile(link: string): Promise<boolean> {
  try {
    return (await stat(link)).isFile();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    throw new Error(`${link}: it is a link that leads to no file (${code})`, { cause: thrown });
  }
}

/** Emacs leaves `.#rule.yaml` beside the file that it edits, a link on purpose to nowhere. */
function isEditorLock({ name }: Dirent): boolean {
  return name.startsWith('.#');
}
