import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, VirtualClock } from '@kube-trigger/core/testing';
import type { Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pathsWithoutRules, readRuleFiles } from '../../src/rule-files/read-files.js';
import type { FeedEvent } from '../../src/rules/rule-feed.js';
import { fileFeed } from '../../src/standalone/file-feed.js';

const OTHER = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: cm }\n';

function rule(name: string, source = 'cm'): string {
  return `apiVersion: app.example.com/v1alpha1
kind: TriggerRule
metadata: { name: ${name} }
spec:
  sources: [{ configMap: { name: ${source} } }]
  actions: [{ updatePodTemplate: { objectRef: { kind: Deployment, name: web } } }]
`;
}

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'kube-trigger-rules-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts files there as the kubelet mounts a ConfigMap, in the place of those before: `..data` is swapped, each file is a link through it. */
function mount(version: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, `..${version}`));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `..${version}`, name), text);
  symlinkSync(`..${version}`, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  for (const name of Object.keys(files)) {
    rmSync(join(folder, name), { force: true });
    symlinkSync(join('..data', name), join(folder, name));
  }
}

async function namesIn(...paths: readonly string[]): Promise<string[]> {
  return (await readRuleFiles(paths)).flatMap(({ rules }) => rules.map(({ name }) => name));
}

describe('a folder of rules', () => {
  it('that a ConfigMap is mounted to is read through its links, each rule once', async () => {
    mount('2026_01_01', { 'a.yaml': rule('a'), 'b.json': rule('b'), 'README.md': 'none' });
    expect(await namesIn(folder)).toEqual(['a', 'b']);
  });

  it('is read without the folders in it, also linked ones', async () => {
    mkdirSync(join(folder, 'inner.yaml'));
    writeFileSync(join(folder, 'inner.yaml', 'a.yaml'), rule('a'));
    symlinkSync('inner.yaml', join(folder, 'linked.yaml'));
    writeFileSync(join(folder, 'b.yml'), rule('b'));
    expect(await namesIn(folder)).toEqual(['b']);
  });

  it('with a link that leads nowhere is refused, naming the link', async () => {
    symlinkSync('gone/a.yaml', join(folder, 'a.yaml'));
    const refusal = `${join(folder, 'a.yaml')}: it is a link that leads to no file (ENOENT)`;
    await expect(readRuleFiles([folder])).rejects.toThrow(refusal);
  });

  it('is read past the lock that an editor leaves beside the file', async () => {
    writeFileSync(join(folder, 'a.yaml'), rule('a'));
    symlinkSync('someone@host.1234', join(folder, '.#a.yaml'));
    expect(await namesIn(folder)).toEqual(['a']);
  });
});

it('paths without a rule are known, but not those in which something is wrong', async () => {
  const [empty, full] = [join(folder, 'empty'), join(folder, 'full')];
  const [other, broken] = [join(folder, 'other.yaml'), join(folder, 'broken.yaml')];
  mkdirSync(empty);
  mkdirSync(full);
  writeFileSync(join(full, 'a.yaml'), rule('a'));
  writeFileSync(join(full, 'other.yaml'), OTHER);
  writeFileSync(other, OTHER);
  writeFileSync(broken, 'kind: [');
  const paths = [empty, full, other, broken];
  expect(pathsWithoutRules(paths, await readRuleFiles(paths))).toEqual([empty, other]);
});

describe('rules of files', () => {
  let clock: VirtualClock;
  let warnings: object[];
  let events: FeedEvent[];
  let looked: () => void;
  let feed: Subscription;
  afterEach(() => feed.unsubscribe());

  async function open(): Promise<void> {
    clock = new VirtualClock();
    warnings = [];
    events = [];
    looked = () => undefined;
    const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) };
    const onRules = () => looked();
    const rules = await fileFeed({ paths: [folder], namespace: 'default', logger, scheduler: clock, onRules });
    feed = rules.subscribe((event) => events.push(event));
  }
  /** Lets the time pass after which files are looked at again. */
  async function look(): Promise<void> {
    const done = new Promise<void>((resolve) => (looked = resolve));
    await clock.advance(2000);
    await done;
    await clock.settle();
  }

  it('that are mounted are read again once the mount was swapped', async () => {
    mount('2026_01_01', { 'a.yaml': rule('a', 'one') });
    await open();
    mount('2026_01_02', { 'a.yaml': rule('a', 'two') });
    await look();
    const spec = { sources: [{ configMap: { name: 'two' } }] };
    expect(events).toMatchObject([
      { type: 'present' },
      { type: 'synced' },
      { type: 'present', rule: { name: 'a', generation: 2, spec } },
    ]);
    expect(warnings).toEqual([]);
  });

  it('that are none are told in the log, once', async () => {
    const paths = [folder];
    await open();
    expect(warnings).toMatchObject([{ paths }]);
    await look();
    expect(warnings).toHaveLength(1);
    writeFileSync(join(folder, 'a.yaml'), rule('a'));
    await look();
    expect(warnings).toHaveLength(1);
    rmSync(join(folder, 'a.yaml'));
    await look();
    expect(warnings).toMatchObject([{ paths }, { paths }]);
    expect(events.map(({ type }) => type)).toEqual(['synced', 'present', 'absent']);
  });
});
