import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** The files are run by packages/create-kube-trigger-plugin/test/outside.test.ts, so what the page shows is run. */
describe('docs/write-a-plugin.md', () => {
  const page = read('docs/write-a-plugin.md');
  const files = [...page.matchAll(/^```(?:ts|yaml)\n(?:\/\/|#) (\S+)\n([^]*?)^```$/gm)].map(
    ([, path = '', text = '']) => ({
      path,
      text,
    }),
  );

  it('shows four files of examples/plugin-hello, and no other code', () => {
    expect(files.map(({ path }) => path)).toEqual([
      'src/config.ts',
      'src/index.ts',
      'src/index.test.ts',
      'example/rule.yaml',
    ]);
    expect(page.match(/^```(?:ts|yaml|js)$/gm)).toHaveLength(files.length);
  });

  it.each(files)('shows $path as it is', ({ path, text }) => {
    expect(text).toBe(read(`examples/plugin-hello/${path}`));
  });

  it('shows the field of its package.json', () => {
    const [, shown = ''] = /^```json\n([^]*?)^```$/m.exec(page) ?? [];
    const { 'kube-trigger': field } = JSON.parse(read('examples/plugin-hello/package.json')) as Record<string, unknown>;
    expect(JSON.parse(`{${shown}}`)).toEqual({ 'kube-trigger': field });
  });

  it('names only scripts of created projects', () => {
    const { scripts } = JSON.parse(read('examples/plugin-hello/package.json')) as { scripts: Record<string, string> };
    const named = [...page.matchAll(/^\$ npm (?:run )?([a-z]+)/gm)].map(([, name = '']) => name);
    expect(
      named.filter((name) => !['create', 'install', 'pack'].includes(name) && scripts[name] === undefined),
    ).toEqual([]);
    expect(named).toEqual(expect.arrayContaining(['test', 'dev']));
  });
});
