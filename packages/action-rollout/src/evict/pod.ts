import type { KubeObject, OwnerReference } from '@kube-trigger/kube';

/** What is kept of a pod. */
export interface Pod {
  readonly uid: string;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Who makes another one when it goes. */
  readonly controller: OwnerReference | undefined;
  /** `ended` ones never run again; `leaving` ones are being deleted. */
  readonly state: 'ready' | 'unready' | 'leaving' | 'ended';
  /** Why it is not ready, as far as its status says. */
  readonly because: string;
  /** On a node, so that it may have read something. */
  readonly placed: boolean;
  /** Run by a kubelet from a file; the API server has only its image. */
  readonly mirror: boolean;
}

interface Body extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
}

interface ContainerStatus {
  readonly ready?: boolean;
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly terminated?: { readonly reason?: string };
  };
}

const MIRROR = 'kubernetes.io/config.mirror';

export function podOf(object: KubeObject): Pod {
  const body = object as Body;
  const { metadata, spec, status } = body;
  return {
    uid: metadata.uid ?? '',
    createdAtMs: Date.parse(metadata.creationTimestamp ?? ''),
    labels: metadata.labels ?? {},
    controller: metadata.ownerReferences?.find(({ controller }) => controller === true),
    state: stateOf(body),
    because: becauseOf(status),
    placed: (spec?.nodeName ?? '') !== '',
    mirror: metadata.annotations?.[MIRROR] !== undefined,
  };
}

function stateOf({ metadata, status }: Body): Pod['state'] {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return 'ended';
  if (metadata.deletionTimestamp !== undefined) return 'leaving';
  return conditionOf(status, 'Ready')?.status === 'True' ? 'ready' : 'unready';
}

/** `CrashLoopBackOff`, `Unschedulable`, `not ready`: what somebody would look for. */
function becauseOf(status: Body['status']): string {
  const scheduled = conditionOf(status, 'PodScheduled');
  if (scheduled?.status === 'False') return scheduled.reason ?? 'not scheduled';
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const { ready, state } of containers) {
    const reason = state?.waiting?.reason ?? (ready === true ? undefined : state?.terminated?.reason);
    if (reason !== undefined && reason !== 'Completed') return reason;
  }
  return 'not ready';
}

function conditionOf(status: Body['status'], type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}
