import { existsSync } from 'node:fs';
import { inClusterAuth, type KubeAuth, kubeconfigAuth } from '@kube-trigger/kube';

export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** In a pod its service account, unless a kubeconfig is asked for. */
export function chooseAuth({ kubeconfig, context }: ClusterOptions): KubeAuth {
  const inPod = process.env['KUBERNETES_SERVICE_HOST'] !== undefined && existsSync(SERVICE_ACCOUNT);
  if (kubeconfig === undefined && context === undefined && inPod) return inClusterAuth();
  return kubeconfigAuth({
    ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
}
