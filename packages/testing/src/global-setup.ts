/**
 * For `globalSetup` in vitest's configuration: one real control plane for the whole run, started when the first test file
 * asks for it (so a run that needs none pays nothing), stopped at the end.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { type Envtest, envtestWanted, startEnvtest } from './envtest.js';
import { nodeWanted } from './node.js';
import { pick } from './shared-envtest.js';

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (!nodeWanted()) {
    process.stderr.write('Tests that need running pods are skipped: KT_TEST_NODE_KUBECONFIG is not set.\n');
  }
  if (!envtestWanted()) {
    process.stderr.write('Tests on a real kube-apiserver are skipped: KUBEBUILDER_ASSETS is not set.\n');
    return undefined;
  }

  let plane: Promise<Envtest> | undefined;
  const path = `/${randomUUID()}`;
  const broker = createServer((request, response) => {
    if (request.url !== path) {
      response.writeHead(404).end();
      return;
    }
    plane ??= startEnvtest();
    plane.then(
      (running) => response.end(JSON.stringify(pick(running))),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => {
    broker.listen(0, '127.0.0.1', resolve);
  });
  const { port } = broker.address() as AddressInfo;
  project.provide('kubeTriggerEnvtest', `http://127.0.0.1:${port}${path}`);

  return async () => {
    broker.closeAllConnections();
    broker.close();
    await plane?.then(
      (running) => running.stop(),
      () => undefined,
    );
  };
}
