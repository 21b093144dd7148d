import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EmbeddedCluster, startCluster } from '../src/index.js';

let cluster: EmbeddedCluster;
beforeAll(async () => {
  cluster = await startCluster({ controllers: false });
});
afterAll(() => cluster.stop());

it('gives a cluster without a machine around it, and the switches of its faults', async () => {
  const path = '/api/v1/namespaces/default/configmaps';
  expect((await cluster.request('POST', path, { metadata: { name: 'cm' } })).status).toBe(201);
  const fault = cluster.faults.failWith({ status: 503 }, { path: /configmaps/ });
  expect((await cluster.request('GET', `${path}/cm`)).status).toBe(503);
  fault.remove();
  expect((await cluster.request('GET', `${path}/cm`)).status).toBe(200);
  expect(fault.hits).toBe(1);
});
