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
  const add = (kind: Reference['kind'], name: string | undefined, path: Reference['path']) => {
    if (name !== undefined && name !== '') found.push({ kind, name, path });
  };
  for (const [field, list] of Object.entries({ initContainers, containers })) {
    for (const [index, { env, envFrom }] of (list ?? []).entries()) {
      const at = [field, index];
      for (const [n, { valueFrom }] of (env ?? []).entries()) {
        const value = [...at, 'env', n, 'valueFrom'];
        add('ConfigMap', valueFrom?.configMapKeyRef?.name, [...value, 'configMapKeyRef', 'name']);
        add('Secret', valueFrom?.secretKeyRef?.name, [...value, 'secretKeyRef', 'name']);
      }
      for (const [n, { configMapRef, secretRef }] of (envFrom ?? []).entries()) {
        add('ConfigMap', configMapRef?.name, [...at, 'envFrom', n, 'configMapRef', 'name']);
        add('Secret', secretRef?.name, [...at, 'envFrom', n, 'secretRef', 'name']);
      }
    }
  }
  for (const [index, { configMap, secret, projected }] of (volumes ?? []).entries()) {
    const at = ['volumes', index];
    add('ConfigMap', configMap?.name, [...at, 'configMap', 'name']);
    add('Secret', secret?.secretName, [...at, 'secret', 'secretName']);
    for (const [n, source] of (projected?.sources ?? []).entries()) {
      const part = [...at, 'projected', 'sources', n];
      add('ConfigMap', source.configMap?.name, [...part, 'configMap', 'name']);
      add('Secret', source.secret?.name, [...part, 'secret', 'name']);
    }
  }
  return found;
}
