import { type FilterPlugin, validateConfig } from '@kube-trigger/core';
import type { TSchema } from 'typebox';

/** What is wrong with a config, as `path: message`. */
export function wrongWith<C extends TSchema>(plugin: FilterPlugin<C>, config: unknown): string[] {
  const validated = validateConfig(plugin.config, config, plugin.name);
  if (validated.issues !== undefined) return validated.issues.map(({ path, message }) => `${path}: ${message}`);
  const issues = plugin.validate?.(validated.value) ?? [];
  return issues.map(({ path, message }) => `${plugin.name}.${path}: ${message}`);
}
