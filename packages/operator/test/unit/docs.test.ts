import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileRule, RESERVED_KEYS, RuleSpec } from '@kube-trigger/core';
import { optionRows, readOptionTable } from '@kube-trigger/testing/contracts';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { bundledRegistry } from '../../src/plugins/bundled.js';

const ROOT = join(import.meta.dirname, '../../../..');
const SKIPPED = new Set(['node_modules', 'dist', '.git']);

function filesBelow(dir: string, ending: RegExp): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(path, ending);
    return ending.test(entry.name) ? [path] : [];
  });
}

/** Every TriggerRule that a reader could copy: from Markdown's yaml blocks and from the examples. */
function rulesOf(path: string): { metadata: { name: string }; spec: unknown }[] {
  const text = readFileSync(path, 'utf8');
  const blocks = path.endsWith('.md')
    ? [...text.matchAll(/```yaml\n([^]*?)```/g)].map((match) => match[1] ?? '')
    : [text];
  return blocks
    .flatMap((block) => parseAllDocuments(block))
    .map((document) => document.toJS() as { kind?: string; metadata: { name: string }; spec: unknown } | null)
    .filter((object) => object !== null && object.kind === 'TriggerRule')
    .filter((object) => object !== null);
}

const documents = [...filesBelow(ROOT, /\.md$/), ...filesBelow(join(ROOT, 'examples'), /\.ya?ml$/)]
  .map((path) => ({ path: path.slice(ROOT.length + 1), rules: rulesOf(path) }))
  .filter(({ rules }) => rules.length > 0);

describe('every TriggerRule in the docs and examples', () => {
  it('is found', () => {
    expect(documents.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['README.md', 'examples/rolling-update/rule.yaml']),
    );
  });

  it.each(documents)('of $path is valid', ({ rules }) => {
    for (const { metadata, spec } of rules) {
      const compilation = compileRule({ namespace: 'default', name: metadata.name, uid: 'u' }, spec, bundledRegistry());
      expect('issues' in compilation ? compilation.issues : []).toEqual([]);
    }
  });
});

describe('the README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

  it('names only scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm (?:run (?:--silent )?)?([a-z-]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => name !== 'and' && scripts[name] === undefined)).toEqual([]);
    expect(named).toEqual(expect.arrayContaining(['demo', 'test', 'kube-trigger']));
  });

  it('lists every bundled plugin, and no other', () => {
    const table = [...readme.matchAll(/^\| \[[a-z-]+\]\([^)]*\)\s+\| (\w+)\s+\| `(\w+)`/gm)].map(
      (m) => `${m[1]} ${m[2]}`,
    );
    const bundled = bundledRegistry()
      .all()
      .map(({ kind, name }) => `${kind} ${name}`);
    expect(table.toSorted()).toEqual(bundled.toSorted());
  });
});

describe('docs/reference/rules.md', () => {
  const page = readFileSync(join(ROOT, 'docs/reference/rules.md'), 'utf8');
  const second = page.slice(page.indexOf('Beside the plugin key of an action'));

  it('has the option tables of the schema', () => {
    expect(readOptionTable(page)).toEqual(optionRows(RuleSpec));
    expect(readOptionTable(second)).toEqual(optionRows(Type.Object(RESERVED_KEYS.actions)));
  });
});
