import { WebhookNetworkToken } from '@kube-trigger/action-webhook';
import { PluginRegistry } from '@kube-trigger/core';
import { describeOnClusters, eventually, never } from '@kube-trigger/testing';
import { container } from 'tsyringe';
import { type TProperties, Type } from 'typebox';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BUNDLED } from '../../src/plugins/bundled.js';
import { kstatus } from '../support/kstatus.js';
import { seedRule, Stage } from '../support/stage.js';

const TARGET = { kind: 'Deployment', name: 'web' };

describeOnClusters('the status of a rule says', (start) => {
  let stage: Stage;
  const services = container.createChildContainer();
  services.register(WebhookNetworkToken, { useValue: { allowLoopback: true } });
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.configMap('cm', { a: '1' });
    await stage.configMap('other', { a: '1' });
    await stage.workload('deployments', 'web');
    await stage.startOperator({ container: services });
    await stage.rule('web', seedRule(TARGET, { name: 'cm' }));
    await stage.ready('web');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const judged = async (name: string) => kstatus(await stage.getRule(name));

  it('how many keys a source has and when one changed last, and how each action ended', async () => {
    const before = await stage.template('deployments', 'web');
    expect(await stage.status('web')).toMatchObject({ sources: [{ name: 'configMap[0]', state: 'Synced', keys: 1 }] });
    await stage.patchConfigMap('cm', { data: { a: '2' } });
    await stage.rolled('deployments', 'web', { before });
    await expect
      .poll(async () => (await stage.status('web')).history?.[0])
      .toMatchObject({
        source: 'configMap[0]',
        change: 'updated',
        changedKeys: ['a'],
        result: 'Done',
        actions: [{ name: 'updatePodTemplate[0]', result: 'Done', attempts: 1, targets: 1 }],
      });
    const { sources, underWay, pending } = await stage.status('web');
    expect(sources?.[0]?.lastEvent).toMatch(/^\d{4}-/);
    expect({ underWay, pending }).toEqual({ underWay: 0, pending: [] });
    expect(await judged('web')).toBe('Current');
  });

  it('what a change waits for, and afterwards which gate dropped it', async () => {
    await stage.rule('held', {
      ...seedRule(TARGET, { name: 'other' }),
      filters: [{ name: 'calm', debounce: { quietSeconds: 3600, maxWaitSeconds: 3600 } }],
    });
    await stage.rule('picky', {
      ...seedRule(TARGET, { name: 'other' }),
      filters: [{ name: 'never', cel: { expression: "event.change == 'deleted'" } }],
    });
    await stage.ready('held');
    await stage.ready('picky');
    await stage.patchConfigMap('other', { data: { a: '2' } });
    const key = `ConfigMap/${stage.namespace}/other`;
    await expect
      .poll(async () => (await stage.status('held')).pending)
      .toMatchObject([
        {
          source: 'configMap[0]',
          key,
          state: 'Deferred',
          by: 'calm',
          because: expect.any(String),
          until: expect.any(String),
        },
      ]);
    await expect
      .poll(async () => (await stage.status('picky')).history)
      .toMatchObject([
        {
          key,
          result: 'Dropped',
          because: expect.stringMatching(/^never: /),
          gates: [{ name: 'never', verdict: 'Dropped' }],
        },
      ]);
    await stage.patchConfigMap('other', { data: { a: '1' } });
    await expect.poll(async () => (await stage.status('held')).pending).toEqual([]);
    expect((await stage.status('held')).history).toEqual([]);
  });

  it('that no workload uses what changed, until one does', async () => {
    await stage.configMap('unused', { a: '1' });
    await stage.rule('users', {
      sources: [{ configMap: { name: 'unused' } }],
      actions: [{ updatePodTemplate: { referencing: true } }],
    });
    await stage.ready('users');
    const before = await stage.template('deployments', 'web');
    await stage.patchConfigMap('unused', { data: { a: '2' } });
    const because = 'none of Deployment, StatefulSet, DaemonSet uses ConfigMap unused';
    await expect
      .poll(async () => (await stage.status('users')).history)
      .toMatchObject([{ result: 'Dropped', because: `updatePodTemplate[0]: ${because}` }]);
    expect((await stage.status('users')).counters).toMatchObject({ dropped: 1 });
    await stage.workload('deployments', 'late');
    await stage.uses('late', 'unused');
    const late = await stage.template('deployments', 'late');
    await stage.patchConfigMap('unused', { data: { a: '3' } });
    await stage.rolled('deployments', 'late', { before: late });
    expect(await stage.template('deployments', 'web')).toEqual(before);
    await expect.poll(async () => (await stage.status('users')).history).toHaveLength(2);
  });

  it('that a rule which gave something up is not ready but failed, until it is retried', async () => {
    await stage.configMap('feed', { a: '1' });
    await stage.rule('hook', {
      sources: [{ configMap: { name: 'feed' } }],
      actions: [{ webhook: { url: 'http://127.0.0.1:1/' }, retry: { limit: 0 } }],
    });
    await stage.ready('hook');
    await stage.patchConfigMap('feed', { data: { a: '2' } });
    await stage.condition('hook', 'Stalled', { status: 'True', reason: 'DeadLetters' });
    await stage.condition('hook', 'Ready', { status: 'False', reason: 'DeadLetters', message: /kube-trigger retry/ });
    expect(await judged('hook')).toBe('Failed');
  });

  it('that an invalid rule has failed, and what is wrong in Ready too, which kubectl get -o wide shows', async () => {
    await stage.rule('wrong', {
      sources: [{ configMap: { nam: 'x' } }],
      actions: [{ updatePodTemplate: { objectRef: TARGET } }],
    });
    await stage.condition('wrong', 'Ready', {
      status: 'False',
      message: /sources\[0\]\.configMap\.nam: .*did you mean "name"/,
    });
    expect(await judged('wrong')).toBe('Failed');
  });

  it('a run by hand, once, also when the operator was away, and who asked', async () => {
    const before = await stage.template('deployments', 'web');
    const fire = JSON.stringify({ id: 'one', by: 'anna' });
    await stage.stopOperator();
    await stage.patchRule('web', { metadata: { annotations: { 'app.example.com/fire': fire } } });
    await stage.startOperator();
    const after = await stage.rolled('deployments', 'web', { before });
    await expect
      .poll(async () => (await stage.status('web')).history?.[0])
      .toMatchObject({ source: 'manual', change: 'occurred', manualBy: 'anna', result: 'Done' });
    expect((await stage.status('web')).handled).toMatchObject({ fire });
    await stage.stopOperator();
    await stage.startOperator();
    await stage.ready('web');
    await never(async () => (await stage.template('deployments', 'web')).generation !== after.generation, {
      forMs: 1500,
    });
  });

  it('that a rule goes on which only a newer plugin finds wrong', async () => {
    await stage.stopOperator();
    await stage.startOperator({ registry: stricterRegistry() });
    const { message } = await stage.condition('web', 'Accepted', { status: 'False', reason: 'Invalid' });
    expect(message).toMatch(/spec\.actions\[0\]\.updatePodTemplate\.reason: is required\. The rule was valid before/);
    await stage.ready('web');
    expect(await judged('web')).toBe('Current');
    const before = await stage.template('deployments', 'web');
    await stage.patchConfigMap('cm', { data: { a: '3' } });
    await stage.rolled('deployments', 'web', { before });
    // What is written now is judged by the newer plugin.
    await stage.patchRule('web', { spec: { delivery: { concurrency: 3 } } });
    await stage.condition('web', 'Stalled', { status: 'True', reason: 'Invalid' });
    await eventually(async () => (await judged('web')) === 'Failed', { because: 'the edited rule should be refused' });
  });
});

/** The bundled plugins, of which updatePodTemplate in a version that wants one option more. */
function stricterRegistry(): PluginRegistry {
  const registry = new PluginRegistry();
  for (const [packageName, plugin] of BUNDLED) {
    const isRollout = plugin.kind === 'action' && plugin.name === 'updatePodTemplate';
    const { properties } = plugin.config as unknown as { properties: TProperties };
    const config = Type.Object({ ...properties, reason: Type.String() }, { additionalProperties: false });
    registry.register(isRollout ? { ...plugin, config } : plugin, packageName);
  }
  return registry;
}
