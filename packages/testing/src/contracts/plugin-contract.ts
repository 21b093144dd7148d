import {
  type ConfigIssue,
  type ConfiguredRbacRule,
  CONTRACT_VERSION,
  PluginRegistry,
  type RbacRule,
  validateConfig,
} from '@kube-trigger/core';
import type { TSchema } from 'typebox';
import { expect, it } from 'vitest';
import { fieldsOf, openObjects } from './schema-fields.js';

/** What all kinds of plugins have in common, with the types of their configs forgotten. */
export interface AnyPlugin {
  readonly kind: 'source' | 'filter' | 'action';
  readonly name: string;
  readonly summary: string;
  readonly contract: number;
  readonly config: TSchema;
  readonly rbac: readonly RbacRule[];
  readonly errors?: Readonly<Record<string, string>>;
  // A method, so that plugins of any config type fit.
  validate?(config: unknown): readonly ConfigIssue[];
  rbacFor?(config: unknown): readonly ConfiguredRbacRule[];
}

/** A config as the host would hand it to the plugin: defaulted and checked. Throws what is wrong with it. */
export function configOf(plugin: AnyPlugin, config: unknown): unknown {
  const validated = validateConfig(plugin.config, config, plugin.name);
  if (validated.issues !== undefined) throw new Error(inWords(validated.issues));
  const issues = plugin.validate?.(validated.value) ?? [];
  if (issues.length > 0) throw new Error(inWords(issues));
  return validated.value;
}

function inWords(issues: readonly ConfigIssue[]): string {
  return issues.map(({ path, message }) => `${path} ${message}`).join('; ');
}

/** What the plugin itself promises, whatever it does. */
export function itIsAPlugin(plugin: AnyPlugin, config: () => Promise<unknown>): void {
  it('can be registered', () => {
    const registry = new PluginRegistry();
    registry.register(plugin, plugin.name);
    expect(registry.names(plugin.kind)).toEqual([plugin.name]);
    expect(plugin.contract).toBe(CONTRACT_VERSION);
    expect(plugin.summary).toMatch(/^[A-Z].*\.$/);
  });

  it('describes every option', () => {
    const silent = fieldsOf(plugin.config).filter(({ schema }) => (schema.description ?? '') === '');
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('refuses unknown options by name', async () => {
    expect(openObjects(plugin.config)).toEqual([]);
    const unknown = { ...((await config()) as object), unknownOption: true };
    const { issues = [] } = validateConfig(plugin.config, unknown, plugin.name);
    expect(issues.map(({ path }) => path)).toContain(`${plugin.name}.unknownOption`);
  });

  it('takes its own defaults', async () => {
    const once = configOf(plugin, await config());
    expect(configOf(plugin, once)).toEqual(once);
  });

  it('is plain data as a schema, and so is what comes of it: definitions and editors get it as JSON', async () => {
    const schema = JSON.parse(JSON.stringify(plugin.config)) as TSchema;
    expect(schema).toEqual(plugin.config);
    const value = configOf(plugin, await config());
    expect(configOf({ ...plugin, config: schema }, JSON.parse(JSON.stringify(value)))).toEqual(value);
  });

  it('names its error codes and what they mean', () => {
    for (const [code, meaning] of Object.entries(plugin.errors ?? {})) {
      expect(code).toMatch(/^KT_[A-Z0-9]+(_[A-Z0-9]+)+$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });
}
