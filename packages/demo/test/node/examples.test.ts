import { BUSYBOX, describeOnNode, type TestCluster } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ON_NODE } from '../examples/scenarios.js';
import { ExampleStage } from '../examples/stage.js';

describeOnNode('examples', (start) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await start();
  });
  afterAll(() => cluster?.stop());

  it.each(Object.entries(ON_NODE))(
    '%s does what its README says',
    async (folder, scenario) => {
      const { url, token, ca = '' } = cluster;
      const namespace = await cluster.createNamespace(folder);
      const place = { url, token, ca, namespace, image: BUSYBOX, stop: () => Promise.resolve() };
      await using stage = await ExampleStage.open(folder, place);
      await stage.ready();
      await scenario(stage);
      expect(await stage.faults()).toEqual([]);
    },
    300_000,
  );
});
