export const EVICT_ERRORS = {
  KT_ROLLOUT_EVICTION: 'With strategy: evict, the API server refuses to evict a pod, and no waiting helps.',
  KT_ROLLOUT_NO_SELECTOR: 'With strategy: evict, a workload of a custom kind does not say which pods are its own.',
} as const;
