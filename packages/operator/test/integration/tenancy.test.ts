import { describeOnClusters } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rightsForPlugins } from '../../src/api/rbac.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { grantAccount, grantOperator } from '../support/grant.js';
import { seedRule, Stage } from '../support/stage.js';

const READ_CONFIG = { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] };
const ROLL = { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get', 'list', 'watch', 'patch'] };

function rights(stage: Stage, impersonate: 'optional' | 'always') {
  return rightsForPlugins(bundledRegistry().all(), {
    leaseName: 'kube-trigger',
    namespaces: [stage.namespace],
    impersonate,
  });
}

function acting(account: string, name: string): object {
  return { serviceAccountName: account, ...seedRule({ kind: 'StatefulSet', name }, { name }) };
}

describeOnClusters('a rule that names a service account', (start) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open(start);
    const token = await grantOperator(stage, rights(stage, 'optional'));
    await grantAccount(stage, 'deployer', [READ_CONFIG, ROLL]);
    await grantAccount(stage, 'reader', [READ_CONFIG]);
    await grantAccount(stage, 'nobody', []);
    await stage.startOperator({ token, operatorNamespace: stage.namespace });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('watches and acts as that account', async () => {
    await stage.configMap('granted', { a: '1' });
    await stage.workload('statefulsets', 'granted');
    const before = await stage.template('statefulsets', 'granted');
    await stage.rule('granted', acting('deployer', 'granted'));
    await stage.ready('granted');
    await stage.patchConfigMap('granted', { data: { a: '2' } });
    await stage.rolled('statefulsets', 'granted', { before });
  });

  it('sees nothing that the account may not see, although another rule watches the same object', async () => {
    await stage.configMap('seen', { a: '1' });
    await stage.workload('statefulsets', 'seen');
    await stage.rule('sees', seedRule({ kind: 'StatefulSet', name: 'seen' }, { name: 'seen' }));
    await stage.ready('sees');
    await stage.rule('blind', acting('nobody', 'seen'));
    await stage.condition('blind', 'Ready', {
      status: 'False',
      reason: 'KubeForbidden',
      message: new RegExp(`system:serviceaccount:${stage.namespace}:nobody`),
    });
    await stage.patchConfigMap('seen', { data: { a: '2' } });
    await expect.poll(async () => (await stage.status('sees')).counters?.done).toBe(1);
    expect((await stage.status('blind')).history ?? []).toEqual([]);
  });

  it('does nothing that the account may not do', async () => {
    await stage.configMap('kept', { a: '1' });
    await stage.workload('statefulsets', 'kept');
    const before = await stage.template('statefulsets', 'kept');
    await stage.rule('kept', acting('reader', 'kept'));
    await stage.condition('kept', 'Ready', { status: 'False', reason: 'RolloutForbidden' });
    await stage.patchConfigMap('kept', { data: { a: '2' } });
    await expect.poll(async () => (await stage.status('kept')).actions?.[0]?.lastResult).toBe('Retrying');
    expect(await stage.template('statefulsets', 'kept')).toEqual(before);
  });
});

describeOnClusters('an operator that locks tenants in', (start) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open(start);
    const token = await grantOperator(stage, rights(stage, 'always'));
    await grantAccount(stage, 'tenant', [READ_CONFIG, ROLL]);
    const tenancy = { defaultServiceAccount: 'tenant', ownNamespaceOnly: true };
    await stage.startOperator({ token, operatorNamespace: stage.namespace, tenancy });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('lets rules that name no account act as the default one, with no right of its own to what they touch', async () => {
    await stage.configMap('plain', { a: '1' });
    await stage.workload('statefulsets', 'plain');
    const before = await stage.template('statefulsets', 'plain');
    await stage.rule('plain', seedRule({ kind: 'StatefulSet', name: 'plain' }, { name: 'plain' }));
    await stage.ready('plain');
    await stage.patchConfigMap('plain', { data: { a: '2' } });
    await stage.rolled('statefulsets', 'plain', { before });
  });

  describe('refuses a rule that reaches out of its namespace, naming the field', () => {
    it.each([
      ['source', { name: 'cm', namespace: 'elsewhere' }, {}, /spec\.sources\[0\]\.objectRef\.namespace: .*"elsewhere"/],
      [
        'target',
        { name: 'cm' },
        { namespace: 'elsewhere' },
        /spec\.actions\[0\]\.updatePodTemplate\.objectRef\.namespace/,
      ],
    ])('%s', async (name, source, target, message) => {
      await stage.rule(`out-${name}`, seedRule({ kind: 'StatefulSet', name: 'plain', ...target }, source));
      await stage.condition(`out-${name}`, 'Accepted', { status: 'False', reason: 'Invalid', message });
    });
  });
});
