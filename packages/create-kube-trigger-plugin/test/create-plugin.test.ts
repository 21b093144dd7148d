import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundledRegistry } from '@kube-trigger/operator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createPlugin, KINDS } from '../src/index.js';
import { isTaken } from '../src/names.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kube-trigger-create-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const create = (name: string | undefined, kind: string | undefined, packages?: string) =>
  createPlugin({ name, kind, directory, packages });
const manifestIn = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;

describe('a created plugin', () => {
  it.each(KINDS)('of kind %s is eight files at most, without a trace of the template', (kind) => {
    const { folder, files } = create('my-slack', kind);
    expect(files).toEqual([
      '.gitignore',
      'README.md',
      'example/rule.yaml',
      'package.json',
      'src/config.ts',
      'src/index.test.ts',
      'src/index.ts',
      'tsconfig.json',
    ]);
    for (const file of files) expect(readFileSync(join(folder, file), 'utf8')).not.toMatch(/my.?sample/i);
    expect(manifestIn(folder)['kube-trigger']).toEqual({ contract: 1, plugins: [`${kind}/mySlack`] });
  });

  it.each([
    ['my-slack', 'my-slack', 'mySlack', 'KT_MY_SLACK_'],
    ['@acme/chat', 'chat', 'chat', 'KT_CHAT_'],
    ['kube-trigger-plugin', 'kube-trigger-plugin', 'plugin', 'KT_PLUGIN_'],
    ['kube-trigger-plugin-jira', 'kube-trigger-plugin-jira', 'jira', 'KT_JIRA_'],
  ])('%s lies in %s, and rules call it %s', (name, folder, key, code) => {
    const made = create(name, 'action');
    expect([made.folder, made.names.key]).toEqual([join(directory, folder), key]);
    expect(manifestIn(made.folder)['name']).toBe(name);
    expect(readFileSync(join(made.folder, 'src/index.ts'), 'utf8')).toContain(code);
  });

  it('may take an empty folder', () => {
    mkdirSync(join(directory, 'my-slack'));
    expect(create('my-slack', 'filter').files).toHaveLength(8);
  });

  it('takes the same versions as this workspace', () => {
    const { catalog } = parse(readFileSync(new URL('../../../pnpm-workspace.yaml', import.meta.url), 'utf8')) as {
      catalog: Record<string, string>;
    };
    const { devDependencies = {} } = manifestIn(create('my-slack', 'action').folder);
    const others = Object.entries(devDependencies).filter(([name]) => !name.startsWith('@kube-trigger/'));
    expect(Object.fromEntries(others)).toEqual(Object.fromEntries(others.map(([name]) => [name, catalog[name]])));
    expect(others.length).toBeGreaterThan(3);
  });

  it('takes packages of kube-trigger from tarballs where it is told to', () => {
    const packages = join(directory, 'packed');
    mkdirSync(packages);
    for (const name of ['core', 'dev', 'operator', 'testing', 'kube'])
      writeFileSync(join(packages, `kube-trigger-${name}-0.1.0.tgz`), '');
    const {
      devDependencies = {},
      peerDependencies,
      overrides,
    } = manifestIn(create('my-slack', 'action', packages).folder);
    expect(devDependencies['@kube-trigger/core']).toBe(`file:${join(packages, 'kube-trigger-core-0.1.0.tgz')}`);
    expect(overrides).toEqual({ '@kube-trigger/kube': `file:${join(packages, 'kube-trigger-kube-0.1.0.tgz')}` });
    expect(peerDependencies).toEqual({ '@kube-trigger/core': '^0.1.0', typebox: devDependencies['typebox'] });
  });
});

describe('what cannot be made is refused, with the fix, and nothing is written', () => {
  it.each<[name: string | undefined, kind: string | undefined, message: RegExp]>([
    [undefined, 'action', /name is missing; say for example: npm create kube-trigger-plugin my-slack -- --kind action/],
    ['my-slack', undefined, /--kind is missing; say --kind action, --kind source or --kind filter/],
    ['my-slack', 'sink', /--kind sink: there is no such kind; say/],
    ['My_Slack', 'action', /"My_Slack" cannot be the name; take lower-case words/],
    ['../up', 'action', /cannot be the name/],
    ['a/b/c', 'action', /cannot be the name/],
    ['-x', 'action', /cannot be the name/],
    ['', 'action', /cannot be the name/],
    ['webhook', 'action', /rules know an action "webhook" already; take another name, such as my-webhook/],
    ['config-map', 'source', /rules know a source "configMap" already/],
    ['retry', 'action', /rules know an action "retry" already/],
  ])('%s of kind %s', (name, kind, message) => {
    expect(() => create(name, kind)).toThrow(message);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('a folder that is in use', () => {
    writeFileSync(join(directory, 'my-file'), '');
    mkdirSync(join(directory, 'my-folder'));
    writeFileSync(join(directory, 'my-folder/x'), '');
    expect(() => create('my-file', 'action')).toThrow(/my-file is a file; take another name/);
    expect(() => create('my-folder', 'action')).toThrow(
      /my-folder is there and not empty; take another name, or empty/,
    );
    expect(readdirSync(join(directory, 'my-folder'))).toEqual(['x']);
  });

  it('a folder without tarballs', () => {
    expect(() => create('my-slack', 'action', directory)).toThrow(
      /no tarball of @kube-trigger\/core, .*scripts\/pack\.mjs/,
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  it('knows the names of all bundled plugins', () => {
    for (const { kind, name } of bundledRegistry().all())
      expect([kind, name, isTaken(kind, name)]).toEqual([kind, name, true]);
  });
});
