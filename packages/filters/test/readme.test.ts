import { readFileSync } from 'node:fs';
import { PluginRegistry } from '@kube-trigger/core';
import { type AnyPlugin, configOf, optionRows, readOptionTable } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import * as exported from '../src/index.js';

const { cel, debounce, throttle, window, blackout } = exported;
const PLUGINS: readonly AnyPlugin[] = [cel, debounce, throttle, window, blackout];
const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

function sectionOf(title: string, level = '##'): string {
  const [, after = ''] = README.split(`\n${level} ${title}\n`);
  return after.split(/^#{2,3} /m)[0] ?? '';
}

interface Rule {
  readonly kind?: string;
  readonly spec: { readonly filters: readonly Readonly<Record<string, unknown>>[] };
}

describe('the README of @kube-trigger/filters', () => {
  it('has the sections of every plugin, in their order', () => {
    expect(README.split('\n')[0]).toBe('# @kube-trigger/filters');
    const titles = [...README.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(titles).toEqual(['Install', 'Smallest rule', 'Options', 'Event data', 'RBAC', 'Errors', 'Limits']);
  });

  it.each(PLUGINS.map((plugin) => [plugin.name, plugin] as const))('has the options of %s', (name, plugin) => {
    expect(readOptionTable(sectionOf(name, '###'))).toEqual(optionRows(plugin.config));
  });

  it('describes every filter that the package has, and no other', () => {
    const registry = new PluginRegistry();
    for (const one of Object.values(exported)) if ('contract' in one) registry.register(one, 'filters');
    const described = [...README.matchAll(/^### (.+)$/gm)].map(([, title]) => title);
    expect(new Set(described)).toEqual(new Set(registry.names('filter')));
    expect(described).toHaveLength(PLUGINS.length);
  });

  it('has the RBAC rules and the error codes', () => {
    expect(parse(/```yaml\n([\s\S]*?)```/.exec(sectionOf('RBAC'))?.[1] ?? '')).toEqual(
      PLUGINS.flatMap(({ rbac }) => rbac),
    );
    expect(new Set(sectionOf('Errors').match(/KT_[A-Z_]+/g))).toEqual(
      new Set(PLUGINS.flatMap(({ errors = {} }) => Object.keys(errors))),
    );
  });

  it('has rules that are valid, with every filter in them', () => {
    const blocks = [...README.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
    const rules = blocks.flatMap((block) => parseAllDocuments(block).map((document) => document.toJS() as Rule | null));
    const items = rules.flatMap((rule) => (rule?.kind === 'TriggerRule' ? rule.spec.filters : []));
    const used = items.flatMap((item) =>
      PLUGINS.filter(({ name }) => name in item).map((plugin) => ({ plugin, item })),
    );
    expect(used).toHaveLength(items.length);
    expect(new Set(used.map(({ plugin }) => plugin))).toEqual(new Set(PLUGINS));
    for (const { plugin, item } of used) expect(() => configOf(plugin, item[plugin.name])).not.toThrow();
  });
});
