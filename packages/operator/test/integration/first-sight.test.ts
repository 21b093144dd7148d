import { startDevCluster } from '@kube-trigger/devcluster';
import { createKubeClient, staticAuth, WELL_KNOWN } from '@kube-trigger/kube';
import { eventually, never } from '@kube-trigger/testing';
import { expect, it } from 'vitest';
import { definitions } from '../../src/api/definitions.js';
import { TRIGGER_RULE } from '../../src/api/resources.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { createLogger } from '../../src/logger.js';
import { startOperator } from '../../src/operator.js';
import type { RuleStatus } from '../../src/rules/trigger-rule.js';

const RULES = 500;
const OBJECTS_PER_RULE = 20;
const logger = createLogger('silent');

/** Runs `work` for every number below `count`, some at a time. */
async function each(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next; i < count; i = next) {
      next += 1;
      await work(i);
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

it('500 rules that first see 10,000 objects do nothing, and then exactly what changes', async () => {
  await using cluster = await startDevCluster();
  const auth = staticAuth({ server: cluster.url, token: cluster.token });
  const kube = createKubeClient({ auth, logger });
  for (const definition of definitions(bundledRegistry())) {
    await kube.create(WELL_KNOWN.CustomResourceDefinition, undefined, definition);
  }
  await each(RULES * OBJECTS_PER_RULE, (i) => {
    const metadata = { name: `cm-${i}`, labels: { group: `g${i % RULES}` } };
    return kube.create(WELL_KNOWN.ConfigMap, 'default', { metadata, data: { value: String(i) } });
  });
  await each(RULES, async (i) => {
    const labels = { app: `app-${i}` };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } };
    const spec = { selector: { matchLabels: labels }, template };
    await kube.create(WELL_KNOWN.Deployment, 'default', { metadata: { name: `app-${i}` }, spec });
    await kube.create(TRIGGER_RULE, 'default', {
      apiVersion: 'app.example.com/v1alpha1',
      kind: 'TriggerRule',
      metadata: { name: `rule-${i}` },
      spec: {
        sources: [{ configMap: { selector: { matchLabels: { group: `g${i}` } } } }],
        actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: `app-${i}` } } }],
      },
    });
  });
  await using operator = await startOperator({ auth, logger, registry: bundledRegistry() });
  expect(operator.identity).toBeTruthy();
  const readyRules = async () => {
    const rules = await kube.list<{ metadata: object; status?: RuleStatus }>(TRIGGER_RULE, { namespace: 'default' });
    return rules.filter(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    ).length;
  };
  await eventually(async () => (await readyRules()) === RULES, {
    timeoutMs: 120_000,
    because: 'all rules should become Ready',
  });
  const rolls = () => cluster.stats.requests({ verb: 'patch', resource: 'deployments' });
  await never(() => rolls() > 0, { forMs: 2500 });

  const target = { resource: WELL_KNOWN.ConfigMap, namespace: 'default', name: 'cm-7' };
  await kube.patch(target, { data: { value: 'changed' } }, { type: 'merge' });
  await eventually(() => rolls() === 1, { because: 'the one rule should roll its workload' });
  await never(() => rolls() > 1, { forMs: 500 });
  await kube.close();
}, 240_000);
