import { readFile } from 'node:fs/promises';
import type { ActionPlugin, FilterPlugin, SourcePlugin } from '@kube-trigger/core';
import type { TSchema } from 'typebox';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { optionRows, readOptionTable } from './option-table.js';
import { type AnyPlugin, configOf } from './plugin-contract.js';

export interface ReadmeFixture<C extends TSchema> {
  readonly plugin: SourcePlugin<C> | FilterPlugin<C> | ActionPlugin<C>;
  /** Where the README is, e.g. `new URL('../README.md', import.meta.url)`. */
  readonly readme: URL;
  readonly packageName: string;
}

const SECTIONS = ['Install', 'Smallest rule', 'Options', 'Event data', 'RBAC', 'Errors', 'Limits'];

/**
 * Holds a plugin's README against the plugin: the sections and their order, the option table, the RBAC rules (the first YAML block of
 * its section), the error codes, and that every TriggerRule in it is valid.
 */
export function describeReadme<C extends TSchema>(fixture: ReadmeFixture<C>): void {
  describe(`the README of ${fixture.packageName}`, () => {
    const plugin = fixture.plugin as unknown as AnyPlugin & Pick<SourcePlugin, 'handles'>;
    const text = () => readFile(fixture.readme, 'utf8');

    it('has the sections of every plugin, in their order', async () => {
      const readme = await text();
      expect(readme.split('\n')[0]).toBe(`# ${fixture.packageName}`);
      expect([...readme.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(SECTIONS);
    });

    it('has the options of the schema', async () => {
      expect(readOptionTable(await text())).toEqual(optionRows(plugin.config));
    });

    it('has the RBAC rules of the plugin', async () => {
      const [block = ''] = yamlBlocks(sectionOf(await text(), 'RBAC'));
      expect(parse(block)).toEqual(plugin.rbac);
    });

    it('has the error codes of the plugin', async () => {
      const codes = sectionOf(await text(), 'Errors').match(/KT_[A-Z0-9_]+/g) ?? [];
      expect(new Set(codes.filter((code) => !code.startsWith('KT_KUBE_')))).toEqual(
        new Set(Object.keys(plugin.errors ?? {})),
      );
    });

    it('has rules that are valid, at least one', async () => {
      const configs = yamlBlocks(await text()).flatMap((block) => configsIn(block, plugin));
      expect(configs.length).toBeGreaterThan(0);
      for (const config of configs) expect(() => configOf(plugin, config)).not.toThrow();
    });
  });
}

function sectionOf(markdown: string, title: string): string {
  return markdown.split(/^## /m).find((section) => section.startsWith(`${title}\n`)) ?? '';
}

function yamlBlocks(markdown: string): string[] {
  return [...markdown.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
}

interface RuleShape {
  readonly kind?: string;
  readonly spec?: {
    readonly sources?: readonly Item[];
    readonly filters?: readonly Item[];
    readonly actions?: readonly Item[];
  };
}
type Item = Readonly<Record<string, unknown>>;

/** The plugin's configs in the TriggerRules of a YAML block, those of the seed's `objectRef` included. */
function configsIn(block: string, plugin: AnyPlugin & Pick<SourcePlugin, 'handles'>): unknown[] {
  const documents = parseAllDocuments(block).map((document) => document.toJS() as RuleShape | null);
  return documents
    .filter((document) => document !== null)
    .filter(({ kind }) => kind === 'TriggerRule')
    .flatMap(({ spec: { sources = [], filters = [], actions = [] } = {} }) => [...sources, ...filters, ...actions])
    .flatMap((item) => {
      if (plugin.name in item) return [item[plugin.name]];
      const { apiVersion: _, kind, ...config } = (item['objectRef'] ?? {}) as { apiVersion?: string; kind?: string };
      return kind !== undefined && kind === plugin.handles?.kind ? [config] : [];
    });
}
