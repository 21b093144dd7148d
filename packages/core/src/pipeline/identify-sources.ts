import { createHash } from 'node:crypto';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { Source } from '../contract/plugin.js';
import type { CompiledRule, CompiledSource, RuleInstances } from '../rule/compiled-rule.js';

/**
 * The rule with ids that also tell what its source instances say of themselves (`Source.identity`): the same rule if none does. Rejects
 * with a `TriggerError` when an instance fails or says something that is no text.
 */
export async function identifySources(rule: CompiledRule, instances: RuleInstances): Promise<CompiledRule> {
  if (instances.sources.every((source) => source.identity === undefined)) return rule;
  const sources = await Promise.all(rule.sources.map((source, i) => identified(source, instances.sources[i])));
  return { ...rule, sources };
}

async function identified(source: CompiledSource, instance: Source | undefined): Promise<CompiledSource> {
  if (instance?.identity === undefined) return source;
  let identity: unknown;
  try {
    identity = await instance.identity(source.config);
  } catch (thrown) {
    throw toTriggerError(thrown);
  }
  if (typeof identity !== 'string') {
    throw new TriggerError('KT_PLUGIN_FAULT', `${source.name}: identity is of type ${typeof identity}, not a string`);
  }
  const id = createHash('sha256')
    .update(JSON.stringify([source.id, identity]))
    .digest('base64url')
    .slice(0, 12);
  return { ...source, id };
}
