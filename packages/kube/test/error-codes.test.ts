import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { KUBE_ERROR_CODES } from '../src/index.js';

it('the table of error codes has every code that the sources use, and no other', async () => {
  const folder = join(import.meta.dirname, '../src');
  const files = (await readdir(folder, { recursive: true })).filter(
    (file) => file.endsWith('.ts') && file !== 'errors.ts',
  );
  const sources = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const used = new Set(sources.join('\n').match(/\bKT_[A-Z_]+\b/g));
  expect([...used].toSorted()).toEqual(Object.keys(KUBE_ERROR_CODES).toSorted());
});
