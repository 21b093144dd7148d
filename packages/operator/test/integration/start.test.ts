import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { staticAuth } from '@kube-trigger/kube';
import { never, startEmbedded } from '@kube-trigger/testing';
import { expect, it, vi } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { runCli } from '../../src/cli/cli.js';
import { createLogger } from '../../src/logger.js';
import { startOperator } from '../../src/operator.js';

it('an operator whose health port is taken ends, and holds no lease', async () => {
  await using cluster = await startEmbedded({ controllers: false });
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.listen(0, () => resolve());
  });
  const starting = startOperator({
    auth: staticAuth({ server: cluster.url, token: cluster.token }),
    logger: createLogger('silent'),
    registry: bundledRegistry(),
    healthPort: (taken.address() as AddressInfo).port,
    lease: { name: 'kube-trigger' },
  });
  await expect(starting).rejects.toThrow(/EADDRINUSE/);
  const lease = await cluster.request<{ spec?: { holderIdentity?: string } }>(
    'GET',
    '/apis/coordination.k8s.io/v1/namespaces/default/leases/kube-trigger',
  );
  expect(lease.status === 404 ? '' : (lease.json.spec?.holderIdentity ?? '')).toBe('');
  taken.close();
});

it('an operator that cannot have its Lease says why in /readyz, and once in the log', async () => {
  await using cluster = await startEmbedded({ controllers: false });
  const lines: string[] = [];
  const logger = createLogger('silent');
  const spy = vi
    .spyOn(logger, 'warn')
    .mockImplementation((...args: unknown[]) => void lines.push(JSON.stringify(args)));
  await using operator = await startOperator({
    auth: staticAuth({ server: cluster.url, token: cluster.token }),
    logger,
    registry: bundledRegistry(),
    operatorNamespace: 'no-such-namespace',
    namespaces: ['nowhere'],
    lease: { name: 'kube-trigger', timings: { retryPeriodMs: 50 } },
  });
  await expect.poll(() => operator.ready()).toMatch(/the Lease cannot be had.*no-such-namespace/);
  await expect.poll(() => lines.filter((line) => line.includes('the namespace does not exist')).length).toBe(1);
  await never(() => lines.filter((line) => line.includes('lease could not be')).length > 1, { forMs: 400 });
  spy.mockRestore();
});

it('kube-trigger run with credentials that cannot be read ends, whatever else it was told', async () => {
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const args = [
    'run',
    '--kubeconfig',
    '/nope',
    '--no-leader-elect',
    '--operator-namespace',
    'x',
    '--health-port',
    '-1',
  ];
  expect(await runCli(args)).toBe(1);
  expect(err.mock.calls.join('')).toMatch(/cannot use kubeconfig \/nope/);
  err.mockRestore();
});
