import { type Envtest, installCrd } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { definitions } from '../../src/api/definitions.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { describeOnKubernetes } from '../support/newer-kubernetes.js';

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
