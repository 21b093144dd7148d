import { Default, IntOrPercent } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';

/** Options of `strategy: evict`. */
export const Evict = Type.Object(
  {
    maxUnavailable: Default(
      IntOrPercent({
        description:
          "How many of a workload's pods may be gone or not ready at a time: a number, or a share of those wanted (rounded down, at least one).",
        examples: [1, '25%'],
      }),
      1,
    ),
  },
  { additionalProperties: false, description: 'With strategy: evict. How pods are evicted.' },
);
export type Evict = Static<typeof Evict>;

/** So many of `wanted` pods, at least one. Rounded down as a Deployment does with its own `maxUnavailable`. */
export function mostUnavailable({ maxUnavailable }: Evict, wanted: number): number {
  if (typeof maxUnavailable === 'number') return maxUnavailable;
  return Math.max(1, Math.floor((wanted * Number.parseInt(maxUnavailable, 10)) / 100));
}
