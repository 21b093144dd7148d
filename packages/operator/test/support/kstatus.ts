interface Judged {
  readonly metadata: { readonly generation?: number; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export type Kstatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating';

/**
 * What sigs.k8s.io/cli-utils `pkg/kstatus/status` `Compute` answers for a custom resource: what Flux and `kpt` wait by. The order is
 * that of its `checkGenericProperties` and `checkReadyCondition`.
 */
export function kstatus({ metadata, status }: Judged): Kstatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation)
    return 'InProgress';
  const isTrue = (type: string) => status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;
  if (isTrue('Reconciling')) return 'InProgress';
  if (isTrue('Stalled')) return 'Failed';
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}
