import { TriggerError } from '@kube-trigger/core';
import type { KubeClient, RequestOptions } from '../client.js';
import { WELL_KNOWN } from '../well-known.js';

export interface ExecPlace extends RequestOptions {
  readonly namespace: string;
  /** The one pod; all when left out. */
  readonly name?: string | undefined;
}

/** Rejects when this identity may not run commands in those pods, with what to grant. */
export async function mustExec(kube: Pick<KubeClient, 'canI'>, { namespace, name, signal }: ExecPlace): Promise<void> {
  for (const verb of ['get', 'create']) {
    const question = { verb, resource: WELL_KNOWN.Pod, subresource: 'exec', namespace, name };
    const { allowed } = await kube.canI(question, { signal });
    if (allowed) continue;
    throw new TriggerError('KT_KUBE_FORBIDDEN', `RBAC does not allow to ${verb} pods/exec in namespace ${namespace}`, {
      retry: 'backoff',
      fix: `Add to a Role in namespace ${namespace}: {apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"]}`,
    });
  }
}
