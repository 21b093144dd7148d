import type { PodSpec } from '../index/references.js';

/** Where a pod's spec names a ConfigMap or Secret whose contents its containers read. */
export interface Reference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** Segments from the spec to the field that has the name. */
  readonly path: readonly (string | number)[];
}

/**
 * Every reference that may name a copy instead: `env`, `envFrom`, volumes and projected volumes. Credentials for others than the containers
 * (`imagePullSecrets`, those of CSI and network volumes) are none: they expire, so a pod needs the newest ones whatever it runs.
 */
export function placesOf({ initContainers, containers, volumes }: PodSpec): Reference[] {
  const found: Reference[] = [];
  const add = (kind: Reference['kind'], name: string | undefined, ...path: Reference['path']) => {
    if (name !== undefined && name !== '') found.push({ kind, name, path });
  };
  for (const [field, list] of [
    ['initContainers', initContainers],
    ['containers', containers],
  ] as const) {
    for (const [index, { env, envFrom }] of (list ?? []).entries()) {
      for (const [n, { valueFrom }] of (env ?? []).entries()) {
        const { configMapKeyRef, secretKeyRef } = valueFrom ?? {};
        add('ConfigMap', configMapKeyRef?.name, field, index, 'env', n, 'valueFrom', 'configMapKeyRef', 'name');
        add('Secret', secretKeyRef?.name, field, index, 'env', n, 'valueFrom', 'secretKeyRef', 'name');
      }
      for (const [n, { configMapRef, secretRef }] of (envFrom ?? []).entries()) {
        add('ConfigMap', configMapRef?.name, field, index, 'envFrom', n, 'configMapRef', 'name');
        add('Secret', secretRef?.name, field, index, 'envFrom', n, 'secretRef', 'name');
      }
    }
  }
  for (const [index, { configMap, secret, projected }] of (volumes ?? []).entries()) {
    add('ConfigMap', configMap?.name, 'volumes', index, 'configMap', 'name');
    add('Secret', secret?.secretName, 'volumes', index, 'secret', 'secretName');
    for (const [n, source] of (projected?.sources ?? []).entries()) {
      add('ConfigMap', source.configMap?.name, 'volumes', index, 'projected', 'sources', n, 'configMap', 'name');
      add('Secret', source.secret?.name, 'volumes', index, 'projected', 'sources', n, 'secret', 'name');
    }
  }
  return found;
}
