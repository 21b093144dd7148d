import type { KubeObject, ObjectMeta } from '../model.js';

export interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
}

export interface Lease extends KubeObject {
  readonly metadata: ObjectMeta;
  readonly spec?: LeaseSpec;
}

/** What a renewal changes, as one comparable string. Metadata does not count: a label is no sign of life. */
export function recordOf({ spec = {} }: Lease): string {
  return JSON.stringify([spec.holderIdentity, spec.renewTime, spec.acquireTime, spec.leaseTransitions]);
}

export function isFree({ spec = {} }: Lease): boolean {
  return spec.holderIdentity === undefined || spec.holderIdentity === null || spec.holderIdentity === '';
}

/** The lease with this holder in it; `previous` keeps labels, annotations and the resourceVersion that makes the write safe. */
export function heldBy(
  previous: Lease,
  identity: string,
  { leaseDurationMs, wallMs }: { readonly leaseDurationMs: number; readonly wallMs: number },
): Lease {
  const spec = previous.spec ?? {};
  const now = microTime(wallMs);
  const renewal = spec.holderIdentity === identity;
  return {
    ...previous,
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(leaseDurationMs / 1000)),
      acquireTime: renewal ? (spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (spec.leaseTransitions ?? 0) + (renewal ? 0 : 1),
    },
  };
}

export function released(previous: Lease, wallMs: number): Lease {
  const now = microTime(wallMs);
  return {
    ...previous,
    spec: { ...previous.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now },
  };
}

export function firstLease(namespace: string, name: string): Lease {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name },
    // heldBy counts this holder as a transition from nobody.
    spec: { leaseTransitions: -1 },
  };
}

/** The API's MicroTime wants exactly six decimals. For people only: nothing here compares times of two machines. */
function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z');
}
