import { describeOnClusters, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from '../support/stage.js';

const NAMES = ['one', 'two', 'three', 'four', 'five'];

describeOnClusters('several ConfigMaps that change together', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.startOperator();
    for (const name of NAMES) await stage.configMap(name, { value: '0' });
    await stage.workload('deployments', 'web');
    await stage.rule('web', {
      sources: NAMES.map((name) => ({ objectRef: { kind: 'ConfigMap', name } })),
      actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }],
      delivery: { coalesce: {}, concurrency: 2 },
    });
    await stage.ready('web');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const template = () => stage.template('deployments', 'web');
  const writeAll = async (value: string) => {
    for (const name of NAMES) await stage.patchConfigMap(name, { data: { value } });
  };

  it('roll the workload once, and each of them is accounted for', async () => {
    const before = await template();
    await writeAll('1');
    const after = await stage.rolled('deployments', 'web', { before });
    await expect
      .poll(async () => (await stage.status('web')).counters, { timeout: 10_000 })
      .toMatchObject({ done: 1, unchanged: 4 });
    expect(await template()).toEqual(after);
  });

  it('roll it once when they changed while the operator was away', async () => {
    const before = await template();
    await stage.stopOperator();
    await writeAll('2');
    await stage.startOperator();
    const after = await stage.rolled('deployments', 'web', { before });
    await expect.poll(async () => (await stage.status('web')).counters?.unchanged, { timeout: 10_000 }).toBe(8);
    expect(await template()).toEqual(after);
  });

  it('do nothing when all of it is undone in time', async () => {
    const before = await template();
    await writeAll('3');
    await writeAll('2');
    await never(async () => (await template()).generation !== before.generation, { forMs: 2000 });
  });
});
