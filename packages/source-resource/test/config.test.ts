import { validateConfig } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import resource from '../src/index.js';

/** What is wrong with a config, as `path: message`. */
function wrongWith(config: unknown): string[] {
  const validated = validateConfig(resource.config, config, 'resource');
  const issues =
    validated.issues ??
    resource.validate?.(validated.value).map((issue) => ({ ...issue, path: `resource.${issue.path}` })) ??
    [];
  return issues.map(({ path, message }) => `${path}: ${message}`);
}

const certificate = { apiVersion: 'cert-manager.io/v1', kind: 'Certificate' };

describe('good configs', () => {
  it.each([
    certificate,
    { ...certificate, name: 'web', namespace: 'shop' },
    { ...certificate, selector: { matchLabels: { app: 'web' } } },
    { ...certificate, fields: ['spec.secretName', 'status', 'metadata.labels["app.kubernetes.io/name"]'] },
    { apiVersion: 'v1', kind: 'ConfigMap', fields: ['data["app.conf"]'] },
    { apiVersion: 'v1', kind: 'Node', name: 'node-1' },
    { apiVersion: 'vault.example.com/v1beta2', kind: 'Secret' },
    { apiVersion: 'example.com/v1', kind: 'Node', namespace: 'shop' },
  ])('%j', (config) => {
    expect(wrongWith(config)).toEqual([]);
  });
});

describe('bad configs name the field and the fix', () => {
  it.each<[unknown, string]>([
    [
      { apiVersion: 'v1', kind: 'Secret', name: 'tls' },
      'resource.kind: Secret is not watched by this source, whose digests could be used to find values; use the source secret',
    ],
    [{ kind: 'Certificate' }, 'resource.apiVersion: is required'],
    [{ apiVersion: 'v1' }, 'resource.kind: is required'],
    [{ apiVersion: 'v1/', kind: 'Pod' }, 'resource.apiVersion: "v1/" must match pattern'],
    [{ apiVersion: 'v1', kind: 'pods' }, 'resource.kind: "pods" must match pattern'],
    [
      { apiVersion: 'v1', kind: 'Node', namespace: 'shop' },
      'resource.namespace: "shop" cannot stand here: Node is cluster-scoped; remove it',
    ],
    [{ ...certificate, name: 'a', selector: {} }, 'resource: has name and selector; keep one of them'],
    [{ ...certificate, fields: [] }, 'resource.fields: the list must not have fewer than 1 items'],
    [{ ...certificate, fields: ['spec', 'spec.*'] }, 'resource.fields[1]: "spec.*" has a wildcard'],
    [
      { ...certificate, fields: ['metadata'] },
      'resource.fields[0]: "metadata" changes with every write; name what counts in it, e.g. metadata.labels',
    ],
    [
      { ...certificate, fields: ['metadata["resourceVersion"]'] },
      'resource.fields[0]: "metadata.resourceVersion" changes with every write',
    ],
    [
      { ...certificate, fields: ['metadata.managedFields'] },
      'resource.fields[0]: "metadata.managedFields" changes with every write',
    ],
    [{ ...certificate, fields: ['kind'] }, 'resource.fields[0]: "kind" is the same for all these objects; remove it'],
    [{ ...certificate, field: ['spec'] }, 'resource.field: is not a known field; did you mean "fields"?'],
  ])('%j', (config, expected) => {
    expect(wrongWith(config)).toEqual([expect.stringContaining(expected)]);
  });
});
