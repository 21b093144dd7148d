import { type KubeClient, type KubeObject, type RequestOptions, WELL_KNOWN } from '@kube-trigger/kube';

/** Started so often and ended each time: it will not come up by itself. */
const RESTARTS = 2;

interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: { readonly waiting?: { readonly reason?: string } };
  readonly lastState?: { readonly terminated?: { readonly exitCode?: number; readonly reason?: string } };
}

interface Pod extends KubeObject {
  readonly status?: {
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** What is wrong with the new pods of a workload. */
export interface PodTrouble {
  /** A container ends again and again. */
  readonly crashing: boolean;
  /** `pod web-6d4f-x, container app: CrashLoopBackOff (exit code 1, 2 restarts)`. */
  readonly because: string;
}

/** The worst that new pods suffer from; undefined when none complains. */
export async function podTrouble(
  kube: KubeClient,
  where: RequestOptions & {
    readonly namespace: string | undefined;
    readonly labelSelector: string;
    readonly isNew: (pod: KubeObject) => boolean;
  },
): Promise<PodTrouble | undefined> {
  const { isNew, ...options } = where;
  const pods = await kube.list<Pod>(WELL_KNOWN.Pod, options);
  const troubles = pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined && isNew(pod))
    .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
    .flatMap(troublesOf);
  return troubles.find(({ crashing }) => crashing) ?? troubles[0];
}

/** No trouble: a pod begins like this. */
const BEGINNING = new Set(['ContainerCreating', 'PodInitializing']);

function troublesOf({ metadata, status }: Pod): PodTrouble[] {
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return containers.flatMap(({ name, state, lastState, restartCount = 0 }) => {
    const reason = state?.waiting?.reason;
    if (reason === undefined || BEGINNING.has(reason)) return [];
    const { exitCode } = lastState?.terminated ?? {};
    const facts = [
      ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
      ...(restartCount === 0 ? [] : [`${restartCount} restart${restartCount === 1 ? '' : 's'}`]),
    ];
    const told = facts.length === 0 ? '' : ` (${facts.join(', ')})`;
    const crashing = reason === 'CrashLoopBackOff' && restartCount >= RESTARTS;
    return [{ crashing, because: `pod ${metadata.name}, container ${name}: ${reason}${told}` }];
  });
}
