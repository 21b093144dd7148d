import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { type Envtest, installCrd } from '@kube-trigger/testing';
import { RecordingLogger } from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definitions } from '../../src/api/definitions.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { describeOnKubernetes } from '../support/newer-kubernetes.js';
import { chart, hasHelm, hasKustomize, kustomize, type Manifest, OVERLAYS } from '../support/rendered.js';

const RULES = '/apis/app.example.com/v1alpha1/namespaces/default/triggerrules';

/** What servers before 1.25 drop: the CEL rules of the definitions, their cost, and the words of their refusals. */
describeOnKubernetes(30, 'the definitions', (start) => {
  let plane: Envtest;

  beforeAll(async () => {
    plane = await start();
    for (const definition of definitions(bundledRegistry())) await installCrd(plane.client, definition);
  }, 180_000);
  afterAll(() => plane?.stop());

  const create = (spec: object) =>
    plane.client.request('POST', `${RULES}?dryRun=All`, {
      apiVersion: 'app.example.com/v1alpha1',
      kind: 'TriggerRule',
      metadata: { name: 'web' },
      spec,
    });
  const sources = [{ objectRef: { kind: 'ConfigMap', name: 'cm' } }];
  const actions = [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }];

  it('are taken, and so is a rule', async () => {
    const { status, text } = await create({ sources, actions });
    expect(status, text).toBe(201);
  });

  it('refuse what excludes each other, naming what was found', async () => {
    const both = { updatePodTemplate: { ...actions[0]?.updatePodTemplate, referencing: true } };
    const { status, text } = await create({ sources, actions: [both] });
    expect(status).toBe(422);
    expect(text).toContain('has objectRef and referencing; keep one of them');
  });

  it('refuse two plugins in one item, naming them', async () => {
    const item = { configMap: {}, secret: {} };
    const { status, text } = await create({ sources: [item], actions });
    expect(status).toBe(422);
    expect(text).toContain('needs exactly one source plugin, found configMap and secret');
  });
});

/** All that the chart can make, but for what other projects define (monitors). */
const EVERYTHING = [
  ['by default', []],
  ['for namespaces', ['--set', 'namespaces={shop,billing}', '--set', 'replicas=2']],
  ['for tenants', ['--set', 'tenancy.impersonate=always,tenancy.defaultServiceAccount=triggers']],
] as const;

describeOnKubernetes(30, 'what is deployed', (start) => {
  let plane: Envtest;
  let kube: KubeClient;

  beforeAll(async () => {
    plane = await start();
    const { url: server, token, ca } = plane;
    kube = createKubeClient({ auth: staticAuth({ server, token, ca }), logger: new RecordingLogger() });
    for (const name of ['kube-trigger', 'shop', 'billing'])
      await plane.client.request('POST', '/api/v1/namespaces', { metadata: { name } });
  }, 180_000);
  afterAll(async () => {
    await kube?.close();
    await plane?.stop();
  });

  /** What the API server says against an object: a field that it does not know, a value that is none. */
  const objectionTo = async (manifest: Manifest): Promise<string | undefined> => {
    const { apiVersion, kind, metadata } = manifest;
    const { group, version, plural, namespaced } = await kube.resourceFor({ apiVersion, kind });
    const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const collection = namespaced
      ? `${root}/namespaces/${metadata.namespace ?? 'kube-trigger'}/${plural}`
      : `${root}/${plural}`;
    const path = `${collection}?dryRun=All&fieldValidation=Strict`;
    const { status, text } = await plane.client.request('POST', path, manifest);
    const isFine = status === 201 || (kind === 'Namespace' && status === 409);
    return isFine ? undefined : `${kind} ${metadata.name}: ${text}`;
  };
  const objections = async (manifests: readonly Manifest[]) =>
    (await Promise.all(manifests.map(objectionTo))).filter((objection) => objection !== undefined);

  // Both are skipped, and said so on stderr, where their program is not installed: ../support/rendered.ts.
  describe.skipIf(!hasKustomize)('by kubectl kustomize', () => {
    it.each(OVERLAYS)('%s is taken to the letter', async (overlay) => {
      const manifests = kustomize(overlay);
      expect(manifests.length).toBeGreaterThan(5);
      expect(await objections(manifests)).toEqual([]);
    });
  });

  describe.skipIf(!hasHelm)('by the chart', () => {
    it.each(EVERYTHING)('%s is taken to the letter', async (_, args) => {
      const manifests = chart(...args);
      expect(manifests.length).toBeGreaterThan(3);
      expect(await objections(manifests)).toEqual([]);
    });

    it('a field that does not exist is noticed', async () => {
      const [deployment] = chart().filter(({ kind }) => kind === 'Deployment');
      const wrong = { ...deployment, spec: { ...deployment?.spec, replica: 1 } } as unknown as Manifest;
      expect(await objections([wrong])).toEqual([expect.stringContaining('unknown field \\"spec.replica\\"')]);
    });
  });
});
