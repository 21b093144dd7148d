import { describeOnClusters, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from '../support/stage.js';

const roll = (name: string) => [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name } } }];
const base64 = (text: string) => Buffer.from(text).toString('base64');

describeOnClusters('the other sources', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.startOperator({ operatorNamespace: stage.namespace });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const secretPath = (name: string) => `/api/v1/namespaces/${stage.namespace}/secrets/${name}`;
  const mergePatch = { 'content-type': 'application/merge-patch+json' };

  it('a Secret rolls its workload once per change, and nothing says its value', async () => {
    const marker = 'correct-horse-battery';
    await stage.must('POST', secretPath(''), { metadata: { name: 'login' }, data: { password: base64('first') } });
    await stage.workload('deployments', 'login');
    await stage.rule('login', { sources: [{ objectRef: { kind: 'Secret', name: 'login' } }], actions: roll('login') });
    await stage.ready('login');
    const before = await stage.template('deployments', 'login');
    await stage.must('PATCH', secretPath('login'), { data: { password: base64(marker) } }, mergePatch);
    const after = await stage.rolled('deployments', 'login', { before });
    expect(after.annotations['trigger.app.example.com/cause']).toMatch(/^Secret .*\/login updated \(password\)/);
    await stage.must('PATCH', secretPath('login'), { metadata: { labels: { a: 'b' } } }, mergePatch);
    await never(async () => (await stage.template('deployments', 'login')).generation !== after.generation, {
      forMs: 700,
    });

    await expect.poll(async () => (await stage.status('login')).counters?.done).toBe(1);
    const told = JSON.stringify([
      after,
      await stage.status('login'),
      await stage.events('login'),
      await stage.checkpoints(),
    ]);
    expect(told).not.toContain(marker);
    expect(told).not.toContain(base64(marker));
  });

  it('a lost digest key starts a new baseline, and fires nothing', async () => {
    const before = await stage.template('deployments', 'login');
    await stage.stopOperator();
    await stage.must('DELETE', secretPath('kube-trigger-digest-key'));
    await stage.startOperator({ operatorNamespace: stage.namespace });
    await stage.ready('login');
    await never(async () => (await stage.template('deployments', 'login')).generation !== before.generation, {
      forMs: 700,
    });
    await stage.must('PATCH', secretPath('login'), { data: { password: base64('third') } }, mergePatch);
    await stage.rolled('deployments', 'login', { before });
  });

  it('a timer rolls its workload at its instants', async () => {
    await stage.workload('deployments', 'clock');
    const before = await stage.template('deployments', 'clock');
    await stage.rule('clock', { sources: [{ timer: { every: '2s' } }], actions: roll('clock') });
    await expect
      .poll(async () => (await stage.template('deployments', 'clock')).generation)
      .toBeGreaterThanOrEqual(before.generation + 2);
    await stage.deleteRule('clock');
    const { history = [] } = await stage.status('login');
    expect(history.every(({ change }) => change !== 'occurred')).toBe(true);
  });

  it('a change of another workload’s template rolls this one', async () => {
    await stage.workload('deployments', 'upstream');
    await stage.workload('deployments', 'downstream');
    await stage.rule('chain', {
      sources: [
        { resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'upstream', fields: ['spec.template'] } },
      ],
      actions: roll('downstream'),
    });
    await stage.ready('chain');
    const before = await stage.template('deployments', 'downstream');
    const path = `/apis/apps/v1/namespaces/${stage.namespace}/deployments/upstream`;
    await stage.must('PATCH', path, { spec: { replicas: 2 } }, mergePatch);
    await never(async () => (await stage.template('deployments', 'downstream')).generation !== before.generation, {
      forMs: 700,
    });
    await stage.must('PATCH', path, { spec: { template: { metadata: { annotations: { v: '2' } } } } }, mergePatch);
    await stage.rolled('deployments', 'downstream', { before });
  });

  it('a rule that rolls what it watches rolls it once', async () => {
    await stage.workload('deployments', 'loop');
    await stage.rule('loop', {
      sources: [{ resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'loop', fields: ['spec'] } }],
      actions: roll('loop'),
    });
    await stage.ready('loop');
    const path = `/apis/apps/v1/namespaces/${stage.namespace}/deployments/loop`;
    const before = await stage.template('deployments', 'loop');
    await stage.must('PATCH', path, { spec: { minReadySeconds: 1 } }, mergePatch);
    const after = await stage.rolled('deployments', 'loop', { before, times: 2 });
    await never(async () => (await stage.template('deployments', 'loop')).generation !== after.generation, {
      forMs: 1500,
    });
  });

  it('a rule that acts too often is stopped by its breaker, says so, and goes on when it is resumed', async () => {
    await stage.configMap('storm', { n: '0' });
    await stage.workload('deployments', 'storm');
    await stage.rule('storm', {
      sources: [{ configMap: { name: 'storm' } }],
      actions: roll('storm'),
      delivery: { breaker: { limit: 2, windowSeconds: 600 } },
    });
    await stage.ready('storm');
    for (const n of ['1', '2', '3']) {
      const before = await stage.template('deployments', 'storm');
      await stage.patchConfigMap('storm', { data: { n } });
      await stage.rolled('deployments', 'storm', { before });
    }
    await stage.condition('storm', 'Stalled', {
      status: 'True',
      reason: 'Tripped',
      message: /more than 2 times within 600 s/,
    });
    const before = await stage.template('deployments', 'storm');
    await stage.patchConfigMap('storm', { data: { n: '4' } });
    await stage.stopOperator();
    await stage.startOperator({ operatorNamespace: stage.namespace });
    await never(async () => (await stage.template('deployments', 'storm')).generation !== before.generation, {
      forMs: 1500,
    });
    await stage.patchRule('storm', { metadata: { annotations: { 'app.example.com/resume': 'now' } } });
    await stage.rolled('deployments', 'storm', { before });
    await stage.condition('storm', 'Stalled', { status: 'False' });
  });
});
