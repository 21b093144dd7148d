import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { staticAuth } from '@kube-trigger/kube';
import { startEmbedded } from '@kube-trigger/testing';
import { expect, it } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
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
