import type { DevCluster } from '@kube-trigger/devcluster';
import { describe } from 'vitest';
import { envtestWanted, startEnvtest } from './envtest.js';
import { installCrds } from './install-crds.js';
import { sharedEnvtest } from './shared-envtest.js';
import {
  type ClusterName,
  RunningCluster,
  SHARED,
  type StartClusterOptions,
  type TestCluster,
} from './test-cluster.js';

export type StartCluster = (options?: StartClusterOptions) => Promise<TestCluster>;

/**
 * Defines one `describe` per kind of API server, so that the same assertions hold on both. The one on the real kube-apiserver is
 * skipped when KUBEBUILDER_ASSETS is not set.
 *
 * `define` must not start anything by itself: it calls `start` in its hooks or tests.
 */
export function describeOnClusters(name: string, define: (start: StartCluster, cluster: ClusterName) => void): void {
  describe(`${name} on the embedded API server`, () => {
    define(startEmbedded, 'embedded');
  });
  describe.skipIf(!envtestWanted())(`${name} on kube-apiserver`, () => {
    define(startReal, 'kube-apiserver');
  });
}

/** An embedded cluster, with the switches of its faults. */
export type EmbeddedCluster = TestCluster & { readonly faults: DevCluster['faults'] };

/** Starts an embedded cluster: API server and, unless it is told otherwise, controllers and a node that plays at running pods. */
export function startCluster(
  options: Pick<StartClusterOptions, 'controllers' | 'crds'> = {},
): Promise<EmbeddedCluster> {
  return startEmbedded(options);
}

/** The same, as `describeOnClusters` starts it. */
export async function startEmbedded({
  controllers = true,
  crds = [],
}: StartClusterOptions = {}): Promise<EmbeddedCluster> {
  // Loaded here, so that a run on the real server alone does not pay for it.
  const { startDevCluster } = await import('@kube-trigger/devcluster');
  const server = await startDevCluster({ controllers });
  const cluster = new RunningCluster('embedded', server, {
    restart: () => server.restart(),
    compact: () => {
      server.faults.compact();
      return Promise.resolve();
    },
    stop: () => server.stop(),
  });
  await installCrds(cluster.client, crds);
  return Object.assign(cluster, { faults: server.faults });
}

/** Connects to the run's shared real control plane, or starts an own one. */
export async function startReal(options: StartClusterOptions = {}): Promise<TestCluster> {
  const { own = false, controllers, crds, apiserverArgs } = options;
  if (!own) return new RunningCluster('kube-apiserver', await sharedEnvtest(), SHARED);
  const plane = await startEnvtest({
    ...(controllers === undefined ? {} : { controllers }),
    ...(crds === undefined ? {} : { crds }),
    ...(apiserverArgs === undefined ? {} : { apiserverArgs }),
  });
  return new RunningCluster('kube-apiserver', plane, {
    restart: () => plane.restartApiserver(),
    // Without the restart kube-apiserver would go on serving old watches out of its cache.
    compact: async () => {
      await plane.compact();
      await plane.restartApiserver();
    },
    stop: () => plane.stop(),
  });
}
