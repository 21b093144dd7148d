import { describeOnClusters } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedRule, Stage } from '../support/stage.js';

const GOOD = [{ objectRef: { kind: 'ConfigMap', name: 'cm' } }];
const ROLL = [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }];

/** What is wrong, the spec, and the reason and message of the Accepted condition. */
const REFUSED: readonly (readonly [string, object, string, RegExp])[] = [
  [
    'an unknown kind',
    { sources: [{ objectRef: { kind: 'ConfigMapp', name: 'cm' } }], actions: ROLL },
    'UnknownKind',
    /spec\.sources\[0\]\.objectRef\.kind: no source plugin handles "ConfigMapp"; did you mean "ConfigMap"\?/,
  ],
  [
    'an unknown plugin',
    { sources: GOOD, actions: [{ updatePodTemplte: { objectRef: { kind: 'Deployment', name: 'web' } } }] },
    'UnknownPlugin',
    /spec\.actions\[0\]\.updatePodTemplte: no action plugin "updatePodTemplte" is installed; did you mean "updatePodTemplate"\?/,
  ],
  [
    'two plugins in one item',
    { sources: [{ configMap: { name: 'cm' }, confgMap: {} }], actions: ROLL },
    'Invalid',
    /spec\.sources\[0\]: needs exactly one source plugin, found (confgMap and configMap|configMap and confgMap)/,
  ],
  [
    'an item without a plugin',
    { sources: GOOD, actions: [{ name: 'roll' }] },
    'Invalid',
    /spec\.actions\[0\]: needs exactly one action plugin, found none .*; installed: .*updatePodTemplate/,
  ],
  [
    'a misspelt field of a plugin',
    { sources: [{ configMap: { nam: 'cm' } }], actions: ROLL },
    'Invalid',
    /spec\.sources\[0\]\.configMap\.nam: is not a known field; did you mean "name"\?/,
  ],
  [
    'a misspelt field of the rule',
    { sources: GOOD, actions: ROLL, filtrs: [] },
    'Invalid',
    /spec\.filtrs: is not a known field; did you mean "filters"\?/,
  ],
  [
    'a target kind that cannot be rolled',
    { sources: GOOD, actions: [{ updatePodTemplate: { objectRef: { kind: 'Deploymnt', name: 'web' } } }] },
    'Invalid',
    /spec\.actions\[0\]\.updatePodTemplate\.objectRef\.kind: .*Deployment/,
  ],
  [
    'an invalid selector',
    { sources: [{ configMap: { selector: { matchExpressions: [{ key: 'app', operator: 'In' }] } } }], actions: ROLL },
    'Invalid',
    /spec\.sources\[0\]\.configMap\.selector\.matchExpressions\[0\]\.values/,
  ],
  [
    'a name beside a selector',
    { sources: [{ configMap: { name: 'cm', selector: { matchLabels: { a: 'b' } } } }], actions: ROLL },
    'Invalid',
    /spec\.sources\[0\]\.configMap.*(name|selector)/,
  ],
  [
    'the same source twice',
    { sources: [...GOOD, { configMap: { name: 'cm' } }], actions: ROLL },
    'Invalid',
    /spec\.sources\[1\]: repeats spec\.sources\[0\]/,
  ],
];

describeOnClusters('a wrong rule', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.configMap('cm', { a: '1' });
    await stage.workload('deployments', 'web');
    await stage.startOperator();
    await stage.rule('good', { sources: GOOD, actions: ROLL });
    await stage.ready('good');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  describe.each([
    ['sources', { actions: ROLL }, /spec\.sources/],
    ['actions', { sources: GOOD }, /spec\.actions/],
    ['any source', { sources: [], actions: ROLL }, /spec\.sources/],
    ['any action', { sources: GOOD, actions: [] }, /spec\.actions/],
  ] as const)('without %s', (_, spec, message) => {
    it('is refused by the API server', async () => {
      await expect(stage.rule('refused', spec)).rejects.toThrow(message);
    });
  });

  it.each(REFUSED)(
    'with %s says where and what to do, and works once it is mended',
    async (what, spec, reason, message) => {
      const name = what.replaceAll(' ', '-');
      await stage.rule(name, spec);
      await stage.condition(name, 'Accepted', { status: 'False', reason, message });
      await stage.condition(name, 'Stalled', { status: 'True', reason });
      await expect
        .poll(async () => (await stage.events(name)).map((event) => event.reason), { timeout: 10_000 })
        .toContain(reason);
      await stage.patchRule(name, { spec: { filtrs: null, sources: GOOD, actions: ROLL } });
      await stage.ready(name);
      await stage.deleteRule(name);
    },
  );

  it('leaves the others alone', async () => {
    await stage.rule('bad', { sources: [{ nope: {} }], actions: ROLL });
    await stage.condition('bad', 'Accepted', { status: 'False' });
    const before = await stage.template('deployments', 'web');
    await stage.patchConfigMap('cm', { data: { a: '2' } });
    await stage.rolled('deployments', 'web', { before });
    await stage.ready('good');
  });

  it('that names a target which is not there says so, and leaves alone what begins with the new state', async () => {
    await stage.configMap('lonely', { a: '1' });
    await stage.rule('lonely', seedRule({ kind: 'StatefulSet', name: 'lonely' }, { name: 'lonely' }));
    await stage.condition('lonely', 'Ready', {
      status: 'False',
      message: new RegExp(`StatefulSet ${stage.namespace}/lonely`),
    });
    await stage.patchConfigMap('lonely', { data: { a: '2' } });
    await expect.poll(async () => (await stage.status('lonely')).actions?.[0]?.lastResult).toBe('Retrying');
    await expect.poll(async () => (await stage.events('lonely')).map((event) => event.type)).toContain('Warning');
    await stage.workload('statefulsets', 'lonely');
    await stage.ready('lonely');
    const before = await stage.template('statefulsets', 'lonely');
    await expect.poll(async () => (await stage.status('lonely')).lastResult, { timeout: 40_000 }).toBe('Unchanged');
    expect(await stage.template('statefulsets', 'lonely')).toEqual(before);
    await stage.patchConfigMap('lonely', { data: { a: '3' } });
    await stage.rolled('statefulsets', 'lonely', { before });
  });

  it('that was right until its target was deleted says so before the next change', async () => {
    await stage.configMap('brief', { a: '1' });
    await stage.workload('deployments', 'brief');
    await stage.rule('brief', seedRule({ kind: 'Deployment', name: 'brief' }, { name: 'brief' }));
    await stage.ready('brief');
    await stage.deleteWorkload('deployments', 'brief');
    await stage.condition('brief', 'Ready', {
      status: 'False',
      message: new RegExp(`Deployment ${stage.namespace}/brief does not exist`),
    });
    await stage.workload('deployments', 'brief');
    await stage.ready('brief');
  });

  it('that names a ConfigMap which is not there waits for it', async () => {
    await stage.rule('early', seedRule({ kind: 'Deployment', name: 'web' }, { name: 'early' }));
    await stage.condition('early', 'Ready', {
      status: 'False',
      message: new RegExp(`ConfigMap ${stage.namespace}/early`),
    });
    const before = await stage.template('deployments', 'web');
    await stage.configMap('early', { a: '1' });
    await stage.rolled('deployments', 'web', { before });
    await stage.ready('early');
  });
});

describeOnClusters('an operator with too few rights', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('names what it may not do, and goes on once it may', async () => {
    const { namespace } = stage;
    const token = await stage.cluster.serviceAccountToken(namespace, 'operator');
    await stage.cluster.grant(namespace, 'operator', [
      {
        apiGroups: ['app.example.com'],
        resources: ['triggerrules', 'triggerrules/status', 'triggercheckpoints'],
        verbs: ['*'],
      },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    ]);
    await stage.configMap('cm', { a: '1' });
    await stage.workload('deployments', 'web');
    await stage.startOperator({ token });
    await stage.rule('web', { sources: GOOD, actions: ROLL });
    await stage.condition('web', 'Ready', { status: 'False', reason: 'KubeForbidden', message: /configmaps/ });

    await stage.cluster.grant(namespace, 'operator', [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] },
    ]);
    await stage.condition('web', 'Ready', { status: 'False', message: /deployments|Deployment/ });

    await stage.cluster.grant(namespace, 'operator', [
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'watch', 'patch'] },
    ]);
    await stage.ready('web');
    const before = await stage.template('deployments', 'web');
    await stage.patchConfigMap('cm', { data: { a: '2' } });
    await stage.rolled('deployments', 'web', { before });
  }, 120_000);
});

describeOnClusters('an API server that cannot be reached', (start, cluster) => {
  it('is waited for', async () => {
    await using stage = await Stage.open(start, { own: true, controllers: false });
    await stage.configMap('cm', { a: '1' });
    await stage.workload('deployments', 'web');
    await stage.rule('web', { sources: GOOD, actions: ROLL });
    expect(stage.cluster.name).toBe(cluster);
    const restarted = stage.cluster.restart();
    await stage.startOperator();
    await restarted;
    await stage.ready('web');
  });
});
