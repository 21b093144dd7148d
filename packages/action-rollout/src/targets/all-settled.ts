import { toTriggerError, type TriggerError } from '@kube-trigger/core';

/** What all came to, each by itself: one that fails holds up no other. */
export interface Settled<T> {
  /** In the order of the work. */
  readonly values: readonly T[];
  readonly failures: readonly TriggerError[];
}

export async function allSettled<T>(work: readonly Promise<T>[]): Promise<Settled<T>> {
  const settled = await Promise.allSettled(work);
  return {
    values: settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
    failures: settled.flatMap((each) => (each.status === 'rejected' ? [toTriggerError(each.reason)] : [])),
  };
}
