import { describeOnClusters, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedRule, Stage, type Template } from '../support/stage.js';

describeOnClusters('a ConfigMap change rolls the workload', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.startOperator();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  /** Proof that everything before was seen: a change of a sentinel, whose roll comes through the same operator. */
  async function passed(before: Template, plural: string, name: string): Promise<void> {
    await never(async () => (await stage.template(plural, name)).generation !== before.generation, { forMs: 700 });
  }

  describe.each([
    ['StatefulSet', 'statefulsets'],
    ['Deployment', 'deployments'],
    ['DaemonSet', 'daemonsets'],
  ] as const)('%s', (kind, plural) => {
    const name = `app-${plural}`;
    const cm = `cm-${plural}`;

    it('does nothing at first sight', async () => {
      await stage.configMap(cm, { 'app.conf': 'a' });
      await stage.workload(plural, name);
      const before = await stage.template(plural, name);
      await stage.rule(name, seedRule({ kind, name }, { name: cm }));
      await stage.ready(name);
      await passed(before, plural, name);
    });

    it('rolls once when the data changes, and says why', async () => {
      const before = await stage.template(plural, name);
      await stage.patchConfigMap(cm, { data: { 'app.conf': 'b', 'new.conf': 'n' } });
      const after = await stage.rolled(plural, name, { before });
      expect(after.annotations['trigger.app.example.com/cause']).toMatch(
        new RegExp(
          `^ConfigMap ${stage.namespace}/${cm} updated \\(app\\.conf, new\\.conf\\) by TriggerRule ${stage.namespace}/${name} at `,
        ),
      );
      await passed(after, plural, name);
    });

    it('does nothing when only metadata changes or the same data is written again', async () => {
      const before = await stage.template(plural, name);
      await stage.patchConfigMap(cm, { metadata: { labels: { team: 'a' }, annotations: { note: 'x' } } });
      await stage.patchConfigMap(cm, { data: { 'app.conf': 'b' } });
      await passed(before, plural, name);
    });

    it('does nothing when the ConfigMap is deleted and made again with equal data, and rolls when it differs', async () => {
      const before = await stage.template(plural, name);
      await stage.deleteConfigMap(cm);
      await stage.configMap(cm, { 'app.conf': 'b', 'new.conf': 'n' });
      await passed(before, plural, name);
      await stage.deleteConfigMap(cm);
      await stage.configMap(cm, { 'app.conf': 'c' });
      await stage.rolled(plural, name, { before });
    });

    it('shows what happened in status and Events', async () => {
      await stage.condition(name, 'Ready', { status: 'True' });
      await expect.poll(async () => (await stage.status(name)).counters?.done).toBe(2);
      const status = await stage.status(name);
      expect(status.lastResult).toBe('Done');
      expect(status.history?.[0]).toMatchObject({
        key: `ConfigMap/${stage.namespace}/${cm}`,
        change: 'created',
        result: 'Done',
      });
      await expect.poll(async () => (await stage.events(name)).map((event) => event.reason)).toContain('Fired');
    });
  });

  it('works across namespaces, as the example in the README does', async () => {
    const elsewhere = await stage.namespaceToo();
    await stage.configMap('far', { a: '1' }, elsewhere);
    await stage.workload('statefulsets', 'far', elsewhere);
    await stage.rule(
      'far',
      seedRule({ kind: 'StatefulSet', name: 'far', namespace: elsewhere }, { name: 'far', namespace: elsewhere }),
    );
    await stage.ready('far');
    const before = await stage.template('statefulsets', 'far', elsewhere);
    await stage.patchConfigMap('far', { data: { a: '2' } }, elsewhere);
    await stage.rolled('statefulsets', 'far', { before, namespace: elsewhere });
  });
});

describeOnClusters('an operator that was away', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.configMap('cm', { a: '1' });
    await stage.workload('deployments', 'web');
    await stage.rule('web', seedRule({ kind: 'Deployment', name: 'web' }, { name: 'cm' }));
    await stage.startOperator();
    await stage.ready('web');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const template = () => stage.template('deployments', 'web');

  it('finds a change that was made meanwhile, and acts on it once', async () => {
    const before = await template();
    await stage.stopOperator();
    await stage.patchConfigMap('cm', { data: { a: '2' } });
    await stage.startOperator();
    await stage.rolled('deployments', 'web', { before });
  });

  it('does nothing after any number of restarts', async () => {
    const before = await template();
    for (let i = 0; i < 3; i += 1) {
      await stage.stopOperator();
      await stage.startOperator();
    }
    await never(async () => (await template()).generation !== before.generation, { forMs: 700 });
  });

  it('does nothing about a change that was undone meanwhile', async () => {
    const before = await template();
    await stage.stopOperator();
    await stage.patchConfigMap('cm', { data: { a: '3' } });
    await stage.patchConfigMap('cm', { data: { a: '2' } });
    await stage.startOperator();
    await never(async () => (await template()).generation !== before.generation, { forMs: 700 });
  });

  it('finds that the object was created meanwhile', async () => {
    await stage.workload('deployments', 'late');
    await stage.rule('late', seedRule({ kind: 'Deployment', name: 'late' }, { name: 'late' }));
    await stage.condition('late', 'Ready', { status: 'False', message: /late/ });
    const before = await stage.template('deployments', 'late');
    await stage.stopOperator();
    await stage.configMap('late', { a: '1' });
    await stage.startOperator();
    await stage.rolled('deployments', 'late', { before });
    await stage.ready('late');
  });

  it('starts from a new baseline when its checkpoint was deleted', async () => {
    const before = await template();
    await stage.stopOperator();
    for (const { metadata } of await stage.checkpoints()) {
      await stage.must(
        'DELETE',
        `/apis/app.example.com/v1alpha1/namespaces/${stage.namespace}/triggercheckpoints/${metadata.name}`,
      );
    }
    await stage.patchConfigMap('cm', { data: { a: '9' } });
    await stage.startOperator();
    await stage.ready('web');
    await never(async () => (await template()).generation !== before.generation, { forMs: 700 });
    await stage.patchConfigMap('cm', { data: { a: '10' } });
    await stage.rolled('deployments', 'web', { before });
  });
});

describeOnClusters('a rule that changes while the operator runs', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.startOperator();
    await stage.configMap('one', { a: '1' });
    await stage.configMap('two', { a: '1' });
    await stage.workload('deployments', 'web');
    await stage.rule('web', seedRule({ kind: 'Deployment', name: 'web' }, { name: 'one' }));
    await stage.ready('web');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const template = () => stage.template('deployments', 'web');
  const both = [
    { objectRef: { kind: 'ConfigMap', name: 'one' } },
    { configMap: { name: 'two', keys: { include: ['a'] } } },
  ];

  it('does not fire by being edited, and watches what it names now', async () => {
    const before = await template();
    await stage.patchRule('web', { spec: { sources: both } });
    await expect.poll(async () => (await stage.status('web')).observedGeneration).toBe(2);
    await stage.ready('web');
    await never(async () => (await template()).generation !== before.generation, { forMs: 500 });
    await stage.patchConfigMap('two', { data: { a: '2' } });
    const once = await stage.rolled('deployments', 'web', { before });
    await stage.patchConfigMap('two', { data: { b: 'not included' } });
    await never(async () => (await template()).generation !== once.generation, { forMs: 500 });
    await stage.patchConfigMap('one', { data: { a: '2' } });
    await stage.rolled('deployments', 'web', { before: once });
  });

  it('takes `on` also as kubectl sends it, which reads the key as a boolean', async () => {
    const before = await template();
    await stage.configMap('three', { a: '1' });
    const sources = [...both, { configMap: { name: 'three', true: ['deleted'] } }];
    await stage.patchRule('web', { spec: { sources } });
    await expect.poll(async () => (await stage.status('web')).observedGeneration).toBe(3);
    await stage.ready('web');
    await stage.patchConfigMap('three', { data: { a: '2' } });
    await never(async () => (await template()).generation !== before.generation, { forMs: 500 });
    await stage.deleteConfigMap('three');
    await stage.rolled('deployments', 'web', { before });
    await stage.patchRule('web', { spec: { sources: both } });
    await expect.poll(async () => (await stage.status('web')).observedGeneration).toBe(4);
    await stage.ready('web');
  });

  it('holds changes back while suspended, and acts on them once afterwards', async () => {
    const before = await template();
    await stage.patchRule('web', { spec: { suspend: true } });
    await stage.condition('web', 'Ready', { status: 'False', reason: 'Suspended' });
    await stage.patchConfigMap('one', { data: { a: '3' } });
    await stage.patchConfigMap('one', { data: { a: '4' } });
    await never(async () => (await template()).generation !== before.generation, { forMs: 500 });
    await stage.patchRule('web', { spec: { suspend: false } });
    await stage.rolled('deployments', 'web', { before });
  });

  it('leaves nothing behind when it is deleted', async () => {
    const before = await template();
    await stage.deleteRule('web');
    await expect.poll(() => stage.checkpoints(), { timeout: 60_000 }).toEqual([]);
    await stage.patchConfigMap('one', { data: { a: '5' } });
    await never(async () => (await template()).generation !== before.generation, { forMs: 500 });
  });
});
