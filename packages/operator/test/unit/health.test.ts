import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Environment } from '@marcbachmann/cel-js';
import { compileRule, type RuleReport, TriggerError } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { LuaFactory } from 'wasmoon';
import { parse } from 'yaml';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { RuleState } from '../../src/rules/rule-state.js';
import { kstatus, type Kstatus } from '../support/kstatus.js';

const PAGE = readFileSync(join(import.meta.dirname, '../../../../docs/reference/status.md'), 'utf8');
const SPEC = {
  sources: [{ objectRef: { kind: 'ConfigMap', name: 'cm' } }],
  actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }],
};
const synced: RuleReport = { type: 'source', source: 'configMap[0]', state: 'synced' };
const noAccess: RuleReport = { ...synced, state: 'degraded', error: new TriggerError('KT_KUBE_FORBIDDEN', 'no') };
const tripped: RuleReport = { type: 'tripped', error: new TriggerError('KT_BREAKER_TRIPPED', 'too often') };

function ruleIn(reports: readonly RuleReport[], spec: object = SPEC) {
  const compilation = compileRule({ namespace: 'shop', name: 'web', uid: 'u' }, spec, bundledRegistry());
  const state = new RuleState({ before: {}, generation: 3, compilation, now: () => 0 });
  for (const report of reports) state.apply(report);
  return { metadata: { generation: 3 }, status: state.status() };
}

/** A rule, and what kstatus, Argo CD and Flux with the page's expressions say of it. */
const CASES: readonly (readonly [string, ReturnType<typeof ruleIn>, Kstatus, string, string])[] = [
  ['is watched', ruleIn([synced]), 'Current', 'Healthy', 'Current'],
  ['is being opened', ruleIn([]), 'InProgress', 'Progressing', 'InProgress'],
  ['has no access', ruleIn([noAccess]), 'InProgress', 'Progressing', 'InProgress'],
  ['tripped', ruleIn([synced, tripped]), 'Failed', 'Degraded', 'Failed'],
  ['is invalid', ruleIn([], { ...SPEC, actions: [] }), 'Failed', 'Degraded', 'Failed'],
  ['is suspended', ruleIn([], { ...SPEC, suspend: true }), 'InProgress', 'Suspended', 'Current'],
  ['was edited since', { ...ruleIn([synced]), metadata: { generation: 4 } }, 'InProgress', 'Progressing', 'InProgress'],
];

function block(language: string): string {
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(PAGE)?.[1] ?? '';
}

async function argo(rule: object): Promise<string> {
  const lua = await new LuaFactory().createEngine();
  try {
    // As Argo CD does: the whole script is a function of `obj`.
    lua.global.set('obj', rule);
    const { status } = (await lua.doString(block('lua'))) as { status: string };
    return status;
  } finally {
    lua.global.close();
  }
}

/** Flux's order: the generic checks of a generation that was not observed, then `failed`, then `current`. */
function flux(rule: ReturnType<typeof ruleIn>): string {
  const page = parse(block('yaml')) as { healthCheckExprs: { failed: string; current: string }[] };
  const [expressions] = page.healthCheckExprs;
  if (rule.metadata.generation !== rule.status.observedGeneration) return 'InProgress';
  const environment = new Environment().registerVariable('status', 'dyn');
  const holds = (expression = 'false') => environment.evaluate(expression, { status: rule.status }) === true;
  if (holds(expressions?.failed)) return 'Failed';
  return holds(expressions?.current) ? 'Current' : 'InProgress';
}

describe('the health of a rule that', () => {
  it.each(CASES)('%s', async (_, rule, byKstatus, byArgo, byFlux) => {
    expect(kstatus(rule)).toBe(byKstatus);
    expect(await argo(JSON.parse(JSON.stringify(rule)) as object)).toBe(byArgo);
    expect(flux(rule)).toBe(byFlux);
  });

  it('was not seen by any operator is in progress', async () => {
    expect(await argo({ metadata: { generation: 1 } })).toBe('Progressing');
  });
});
