import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileRule, RESERVED_KEYS, RuleSpec } from '@kube-trigger/core';
import { optionRows, readOptionTable } from '@kube-trigger/testing/contracts';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { bundledRegistry } from '../../src/plugins/bundled.js';

const ROOT = join(import.meta.dirname, '../../../..');
/** The rules of a template name the plugin that is made of it. */
const SKIPPED = new Set(['node_modules', 'dist', '.git', 'template']);

function filesBelow(dir: string, ending: RegExp): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(path, ending);
    return ending.test(entry.name) ? [path] : [];
  });
}

function yamlBlocks(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^ *```yaml\n([^]*?)^ *```/gm)].map((match) => match[1] ?? '');
}

/** Every TriggerRule that a reader could copy: from Markdown's yaml blocks and from the examples. */
function rulesOf(path: string): { metadata: { name: string }; spec: unknown }[] {
  const blocks = path.endsWith('.md') ? yamlBlocks(path) : [readFileSync(path, 'utf8')];
  return blocks
    .flatMap((block) => parseAllDocuments(block))
    .map((document) => document.toJS() as { kind?: string; metadata: { name: string }; spec: unknown } | null)
    .filter((object) => object !== null && object.kind === 'TriggerRule')
    .filter((object) => object !== null);
}

const documents = [...filesBelow(ROOT, /\.md$/), ...filesBelow(join(ROOT, 'examples'), /\.ya?ml$/)]
  .map((path) => ({ path: path.slice(ROOT.length + 1), rules: rulesOf(path) }))
  // Rules with plugins of examples: packages/create-kube-trigger-plugin/test/outside.test.ts has the operator check them.
  .filter(({ path, rules }) => rules.length > 0 && !/^examples\/plugin-|^docs\/write-a-plugin\.md$/.test(path));

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

it('each test that the threat model names is there', () => {
  const page = readFileSync(join(ROOT, 'docs/threat-model.md'), 'utf8');
  const named = [...page.matchAll(/`((?:packages\/[^`]*\/test|\.ci)\/[^`]*)`/g)].map((match) => match[1] ?? '');
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

/** A part of a rule (`filters: […]`, or a list of actions), made whole; undefined for what is no part of one. */
function madeWhole(block: unknown): object | undefined {
  const actions = [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'app' } } }];
  const whole = { sources: [{ configMap: { name: 'app' } }], actions };
  const names = bundledRegistry()
    .all()
    .filter(({ kind }) => kind === 'action')
    .map(({ name }) => name);
  if (Array.isArray(block)) {
    const items = block.filter((item: object) => names.some((name) => name in item));
    return items.length === 0 ? undefined : { ...whole, actions: block as unknown[] };
  }
  if (typeof block !== 'object' || block === null || 'kind' in block) return undefined;
  return ['sources', 'filters', 'actions'].some((key) => key in block) ? { ...whole, ...block } : undefined;
}

describe('every YAML block in the docs', () => {
  const pages = filesBelow(ROOT, /\.md$/)
    .map((path) => ({ path: path.slice(ROOT.length + 1), blocks: yamlBlocks(path) }))
    .filter(({ blocks }) => blocks.length > 0);
  const parsed = pages.flatMap(({ path, blocks }) =>
    blocks.flatMap((block) => parseAllDocuments(block).map((document) => ({ path, document }))),
  );

  it('is YAML', () => {
    expect(parsed.length).toBeGreaterThan(30);
    const wrong = parsed.filter(({ document }) => document.errors.length + document.warnings.length > 0);
    expect(wrong.map(({ path, document }) => `${path}: ${document.errors.join()}${document.warnings.join()}`)).toEqual(
      [],
    );
  });

  const parts = parsed.flatMap(({ path, document }) => {
    const spec = madeWhole(document.toJS());
    return spec === undefined ? [] : [{ path, spec }];
  });

  it('has parts of rules', () => {
    expect(parts.map(({ path }) => path)).toEqual(expect.arrayContaining(['docs/reference/expressions.md']));
  });

  it.each(parts)('that is a part of a rule is valid in $path', ({ spec }) => {
    const compilation = compileRule({ namespace: 'default', name: 'part', uid: 'u' }, spec, bundledRegistry());
    expect('issues' in compilation ? compilation.issues : []).toEqual([]);
  });
});

describe('the README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

  it('names only scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm (?:run (?:--silent )?)?([a-z-]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => !['and', 'create'].includes(name) && scripts[name] === undefined)).toEqual([]);
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

describe('the decisions', () => {
  const names = readdirSync(join(ROOT, 'docs/decisions'));

  it('have a number each, which their title says', () => {
    const numbers = names.map((name) => name.slice(0, 4));
    expect(new Set(numbers).size).toBe(names.length);
    const titles = names.map((name) => readFileSync(join(ROOT, 'docs/decisions', name), 'utf8').slice(0, 8));
    expect(titles).toEqual(numbers.map((number) => `# ${number}: `));
  });
});

/** Links of Markdown to files and folders of the repository. */
function linksOf(path: string): string[] {
  const text = readFileSync(path, 'utf8').replaceAll(/^ *```[^]*?^ *```/gm, '');
  return [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !link.includes(':'));
}

describe('every link in the docs', () => {
  it('leads to a file that is there', () => {
    const broken = filesBelow(ROOT, /\.md$/).flatMap((path) =>
      linksOf(path)
        .filter((link) => !existsSync(join(path, '..', link)))
        .map((link) => `${path.slice(ROOT.length + 1)}: ${link}`),
    );
    expect(broken).toEqual([]);
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
