import { compileRule } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { checkRules } from '../../src/rule-files/check-rules.js';
import { readManifests } from '../../src/rule-files/manifests.js';
import { RuleState } from '../../src/rules/rule-state.js';
import { BAD_RULES } from '../support/bad-rules.js';

const registry = bundledRegistry();

function condition(spec: unknown): string | undefined {
  const compilation = compileRule({ namespace: 'default', name: 'web', uid: 'u' }, spec, registry);
  if (!('issues' in compilation)) return undefined;
  const [accepted] = new RuleState({ before: {}, generation: 1, compilation, now: () => 0 }).status().conditions ?? [];
  return accepted?.message;
}

function lint(spec: unknown): string[] {
  const object = { apiVersion: 'app.example.com/v1alpha1', kind: 'TriggerRule', metadata: { name: 'web' }, spec };
  const file = readManifests(stringify(object, { version: '1.1' }), 'rule.yaml');
  const { findings } = checkRules([file], { registry, namespace: 'default' });
  return findings.map(({ path, message }) => `${path}: ${message}`);
}

describe('wrong rules', () => {
  it('are many, each of its own kind', () => {
    expect(BAD_RULES.length).toBeGreaterThanOrEqual(60);
    expect(new Set(BAD_RULES.map(({ what }) => what)).size).toBe(BAD_RULES.length);
  });

  it.each(BAD_RULES)('with $what are answered by the condition and by lint in the same words', ({ spec, says }) => {
    expect(condition(spec)).toBe(says.join('; '));
    expect(lint(spec).toSorted()).toEqual(says.toSorted());
  });
});
