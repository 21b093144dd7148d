import { describeOnClusters, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seedRule, Stage } from '../support/stage.js';

describeOnClusters('the status of a rule', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.configMap('cm', { a: '1' });
    await stage.workload('deployments', 'web');
    await stage.startOperator();
    await stage.rule('web', seedRule({ kind: 'Deployment', name: 'web' }, { name: 'cm' }));
    await stage.ready('web');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const resourceVersion = async () => (await stage.getRule('web')).metadata.resourceVersion;

  it('is not written again by an operator that finds everything as it was', async () => {
    await stage.stopOperator();
    const before = await resourceVersion();
    await stage.startOperator();
    await never(async () => (await resourceVersion()) !== before, { forMs: 2500 });
  });

  it('is one write a second at most, however fast changes come', async () => {
    const seen = new Set<string>();
    const until = Date.now() + 3000;
    for (let i = 0; Date.now() < until; i += 1) {
      await stage.patchConfigMap('cm', { data: { a: `burst ${i}` } });
      seen.add(await resourceVersion());
    }
    expect(seen.size).toBeLessThanOrEqual(6);
    await expect.poll(async () => (await stage.status('web')).lastResult).toBe('Done');
  });

  it('says at once why a namespace that does not exist gives nothing', async () => {
    await stage.rule(
      'nowhere',
      seedRule({ kind: 'Deployment', name: 'web' }, { name: 'cm', namespace: 'no-such-namespace' }),
    );
    await stage.condition('nowhere', 'Ready', { status: 'False', message: /no-such-namespace\/cm/ });
  });
});
