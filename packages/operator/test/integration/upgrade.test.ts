import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeOnClusters, installCrd, type StartCluster, type TestCluster } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { definitions } from '../../src/api/definitions.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { VERSION } from '../../src/version.js';
import { seedRule, Stage } from '../support/stage.js';

/** What each release left in a cluster. A new release records its own: KT_RECORD_RELEASE=1 vitest run -t records. */
const RELEASES = join(import.meta.dirname, '../fixtures/releases');
const RULES = ['quiet', 'changed'] as const;
/** Part of what checkpoints know their sources by. */
const NAMESPACE = 'upgrade';
const MERGE = { 'content-type': 'application/merge-patch+json' };

interface Left {
  readonly spec: object;
  readonly status: object;
  readonly checkpoints: readonly { readonly metadata: { readonly name: string }; readonly records: object }[];
}
type State = Readonly<Record<(typeof RULES)[number], Left>>;

/** A cluster of its own with that release's definitions. */
function stageWith(start: StartCluster, crds: readonly object[]): Promise<Stage> {
  return Stage.open(async (options) => {
    const cluster: TestCluster = await start({ ...options, own: true });
    for (const crd of crds) await installCrd(cluster.client, crd);
    await cluster.request('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
    return Object.assign(cluster, { createNamespace: () => Promise.resolve(NAMESPACE) });
  });
}

async function world(stage: Stage): Promise<void> {
  for (const name of RULES) {
    await stage.configMap(name, { a: '1' });
    await stage.workload('deployments', name);
  }
}

const path = (kind: string, name = '') => `/apis/app.example.com/v1alpha1/namespaces/${NAMESPACE}/${kind}/${name}`;

describe.runIf(process.env['KT_RECORD_RELEASE'] === '1')('this release', () => {
  describeOnClusters('records', (start, cluster) => {
    // One recording is enough, and the same on every machine.
    it.skipIf(cluster === 'kube-apiserver')('what it leaves', async () => {
      const crds = definitions(bundledRegistry());
      await using stage = await stageWith(start, crds);
      await world(stage);
      await stage.startOperator();
      for (const name of RULES) await stage.rule(name, seedRule({ kind: 'Deployment', name }, { name }));
      for (const name of RULES) await stage.ready(name);
      await stage.stopOperator();
      const left = async (name: string) => {
        const { json } = await stage.cluster.request<{ spec: object; status: object }>(
          'GET',
          path('triggerrules', name),
        );
        const all = await stage.checkpoints();
        const mine = all.filter((object) => object.metadata.name.startsWith(`${name}-`));
        const checkpoints = mine.map(({ metadata, records }) => ({ metadata: { name: metadata.name }, records }));
        return { spec: json.spec, status: json.status, checkpoints };
      };
      const folder = join(RELEASES, VERSION);
      mkdirSync(folder, { recursive: true });
      const state = { quiet: await left('quiet'), changed: await left('changed') };
      writeFileSync(join(folder, 'state.json'), `${JSON.stringify(state, undefined, 2)}\n`);
      writeFileSync(
        join(folder, 'definitions.yaml'),
        crds.map((crd) => stringify(crd, { version: '1.1' })).join('---\n'),
      );
    });
  });
});

const releases = existsSync(RELEASES) ? readdirSync(RELEASES) : [];

it('some release was recorded', () => {
  expect(releases).not.toEqual([]);
});

describe.each(releases)('what %s left', (release) => {
  const read = (file: string) => readFileSync(join(RELEASES, release, file), 'utf8');
  const state = JSON.parse(read('state.json')) as State;
  const crds = parseAllDocuments(read('definitions.yaml'), { version: '1.1' }).map((each) => each.toJS() as object);

  describeOnClusters('is gone on with', (start) => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await stageWith(start, crds);
      await world(stage);
      for (const name of RULES) await leave(name, state[name]);
      // Meanwhile there is no operator.
      await stage.patchConfigMap('changed', { data: { a: '2' } });
      for (const crd of definitions(bundledRegistry())) {
        const { name } = (crd as { metadata: { name: string } }).metadata;
        await stage.must('PATCH', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`, crd, MERGE);
      }
      await stage.startOperator();
    });
    afterAll(() => stage?.[Symbol.asyncDispose]());

    async function leave(name: string, { spec, status, checkpoints }: Left): Promise<void> {
      const kind = { apiVersion: 'app.example.com/v1alpha1', kind: 'TriggerRule' };
      await stage.must('POST', path('triggerrules'), { ...kind, metadata: { name }, spec });
      await stage.must('PATCH', `${path('triggerrules', name)}/status`, { status }, MERGE);
      const { json } = await stage.cluster.request<{ metadata: { uid: string } }>('GET', path('triggerrules', name));
      const { uid } = json.metadata;
      for (const { metadata, ...checkpoint } of checkpoints) {
        await stage.must('POST', path('triggercheckpoints'), {
          apiVersion: kind.apiVersion,
          kind: 'TriggerCheckpoint',
          metadata: {
            ...metadata,
            labels: { 'app.example.com/rule-uid': uid },
            ownerReferences: [{ ...kind, name, uid }],
          },
          ...checkpoint,
        });
      }
    }

    it('acts once on what changed while no operator ran', async () => {
      await expect
        .poll(async () => (await stage.template('deployments', 'changed')).generation, { timeout: 30_000 })
        .toBe(2);
      await stage.ready('changed');
      expect((await stage.template('deployments', 'changed')).generation).toBe(2);
    });

    it('does nothing for what did not change, and then acts on the next change', async () => {
      await stage.ready('quiet');
      expect((await stage.template('deployments', 'quiet')).generation).toBe(1);
      await stage.patchConfigMap('quiet', { data: { a: '2' } });
      await expect
        .poll(async () => (await stage.template('deployments', 'quiet')).generation, { timeout: 30_000 })
        .toBe(2);
    });
  });
});
