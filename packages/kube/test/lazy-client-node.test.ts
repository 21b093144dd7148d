import { expect, it, vi } from 'vitest';
import { createKubeClient, inClusterAuth, kubeconfigAuth } from '../src/index.js';
import { MemoryLogger } from './support/harness.js';

let loads = 0;
vi.mock('@kubernetes/client-node', () => {
  loads += 1;
  return { KubeConfig: vi.fn<() => void>() };
});

it('the in-cluster path never loads @kubernetes/client-node, which costs 80 MB; a kubeconfig does, on first use', async () => {
  const inCluster = inClusterAuth({ directory: '/nowhere', env: { KUBERNETES_SERVICE_HOST: '127.0.0.1' } });
  const client = createKubeClient({ auth: inCluster, logger: new MemoryLogger() });
  await expect(client.request({ path: '/version' })).rejects.toMatchObject({ code: 'KT_KUBE_AUTH' });
  await client.close();
  const kubeconfig = kubeconfigAuth({ path: '/nowhere/config' });
  expect(loads).toBe(0);
  await expect(kubeconfig.credentials()).rejects.toMatchObject({ code: 'KT_KUBE_AUTH' });
  expect(loads).toBe(1);
});
