import { eventually, installCrd, type TestCluster } from '@kube-trigger/testing';

const GROUP = 'argoproj.io';
const VERSION = `${GROUP}/v1alpha1`;

/** Where Argo Rollouts are. */
export const ROLLOUTS = `apis/${VERSION}/rollouts`;

/** The kind of Argo Rollouts, without their controller. Other tests on a shared cluster may have installed it already. */
export async function installRollouts(cluster: TestCluster): Promise<void> {
  const names = { plural: 'rollouts', singular: 'rollout', kind: 'Rollout', listKind: 'RolloutList' };
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    },
  };
  const versions = [{ name: 'v1alpha1', served: true, storage: true, schema }];
  await installCrd(cluster.client, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `rollouts.${GROUP}` },
    spec: { group: GROUP, scope: 'Namespaced', names, versions },
  }).catch((thrown: unknown) => {
    if (!(thrown instanceof Error && thrown.message.includes(' 409 '))) throw thrown;
  });
  await eventually(async () => (await cluster.request('GET', `/apis/${VERSION}`)).status === 200, {
    because: 'Argo Rollouts should be served',
    timeoutMs: 30_000,
  });
}

export function rolloutOf(workload: string): { metadata: { name: string } } & Record<string, unknown> {
  return {
    apiVersion: VERSION,
    kind: 'Rollout',
    metadata: { name: 'canary' },
    spec: { replicas: 2, workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: workload } },
  };
}

/** CronJobs moved to `batch/v1` with Kubernetes 1.21. */
export async function cronJobVersion(cluster: TestCluster): Promise<string> {
  const { json } = await cluster.request<{ resources?: { name: string }[] }>('GET', '/apis/batch/v1');
  return json.resources?.some(({ name }) => name === 'cronjobs') === true ? 'batch/v1' : 'batch/v1beta1';
}
