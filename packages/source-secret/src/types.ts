import type { SecretConfig } from './config.js';

/**
 * Types that nobody means by "the Secrets of the namespace": each Helm release is up to 1 MiB and is written at each deployment, and a
 * service account's token is a credential of the cluster itself.
 */
export const HIDDEN_TYPES = ['helm.sh/release.v1', 'kubernetes.io/service-account-token'] as const;

export interface TypeChoice {
  /** What the API server leaves out, so that it is never transferred. */
  readonly fieldSelector: string | undefined;
  /** What a field selector cannot say: one of several types. */
  readonly counts: (type: string) => boolean;
}

/** How the wanted types are asked for. Field selectors know `=`, `!=` and "and", but no "or". */
export function typeChoice({ name, types }: Pick<SecretConfig, 'name' | 'types'>, namespace: string): TypeChoice {
  const all = () => true;
  // Says nothing new to the API server. It keeps many watches of single names from being joined to one of the namespace, which would
  // transfer every Secret in it, Helm releases included.
  if (name !== undefined) return { fieldSelector: `metadata.namespace=${namespace}`, counts: all };
  if (types === undefined) return { fieldSelector: without(HIDDEN_TYPES), counts: all };
  if (types.includes('*')) return { fieldSelector: undefined, counts: all };
  const wanted = new Set(types);
  const [only] = wanted;
  if (wanted.size === 1) return { fieldSelector: `type=${only}`, counts: all };
  return {
    fieldSelector: without(HIDDEN_TYPES.filter((type) => !wanted.has(type))),
    counts: (type) => wanted.has(type),
  };
}

function without(types: readonly string[]): string | undefined {
  return types.length === 0 ? undefined : types.map((type) => `type!=${type}`).join(',');
}
