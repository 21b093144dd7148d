import { compileRule } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { rbacManifests } from '../../src/api/rbac-manifests.js';
import { merged, rightsForPlugins, rightsForRules } from '../../src/api/rbac.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';

const LEASE = { leaseName: 'kube-trigger' };

function rule(spec: object, namespace = 'shop') {
  const compilation = compileRule({ namespace, name: 'web', uid: 'u' }, spec, bundledRegistry());
  if ('issues' in compilation) throw new Error(JSON.stringify(compilation.issues));
  return compilation.rule;
}

const ROLL = { updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web', namespace: 'front' } } };

describe('merged', () => {
  const read = { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] };

  it.each([
    ['verbs of one resource', [read, { ...read, verbs: ['list', 'get'] }], [{ ...read, verbs: ['get', 'list'] }]],
    [
      'resources of equal verbs',
      [read, { ...read, resources: ['secrets'] }],
      [{ ...read, resources: ['configmaps', 'secrets'] }],
    ],
    [
      'names',
      [
        { ...read, resourceNames: ['b'] },
        { ...read, resourceNames: ['a'] },
      ],
      [{ ...read, resourceNames: ['a', 'b'] }],
    ],
  ])('puts together %s', (_, rules, expected) => {
    expect(merged(rules)).toEqual(expected);
  });

  it('leaves out names where all objects are allowed already, and only there', () => {
    const named = { ...read, resourceNames: ['a'] };
    expect(merged([named, read])).toEqual([read]);
    expect(merged([{ ...named, verbs: ['patch'] }, read])).toEqual([{ ...named, verbs: ['patch'] }, read]);
  });

  it('never widens: no names stay apart from names', () => {
    const named = { ...read, verbs: ['patch'], resourceNames: ['a'] };
    expect(merged([{ ...read, verbs: ['patch'], resources: ['secrets'] }, named])).toHaveLength(2);
  });
});

describe('the rights for rules', () => {
  it('are narrowed to the names and namespaces in them', () => {
    const rights = rightsForRules([rule({ sources: [{ configMap: { name: 'cm' } }], actions: [ROLL] })], LEASE);
    expect(Object.keys(rights.namespaces)).toEqual(['front', 'shop']);
    expect(rights.namespaces['front']).toEqual([
      {
        apiGroups: ['apps'],
        resources: ['deployments'],
        verbs: ['get', 'list', 'watch', 'patch'],
        resourceNames: ['web'],
      },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    ]);
    expect(rights.namespaces['shop']).toContainEqual({
      apiGroups: [''],
      resources: ['configmaps'],
      verbs: ['get', 'list', 'watch'],
      resourceNames: ['cm'],
    });
    expect(rights.cluster).toEqual([]);
    expect(rights.own.flatMap(({ resources }) => resources)).toEqual(['leases', 'leases']);
  });

  it('of a Secret by selector are for all Secrets there, and the digest key is in the own namespace', () => {
    const selector = { matchLabels: { a: 'b' } };
    const rights = rightsForRules([rule({ sources: [{ secret: { selector } }], actions: [ROLL] })], LEASE);
    expect(rights.namespaces['shop']).toContainEqual({
      apiGroups: [''],
      resources: ['secrets'],
      verbs: ['get', 'list', 'watch'],
    });
    expect(rights.own).toContainEqual(expect.objectContaining({ resourceNames: ['kube-trigger-digest-key'] }));
  });

  it('of a webhook are for the Secrets that it names, wherever in its options', () => {
    const key = (name: string) => ({ secretKeyRef: { name, key: 'k' } });
    const webhook = {
      urlFrom: key('url'),
      headers: [{ name: 'Authorization', valueFrom: key('token') }],
      signature: key('sign'),
      tls: { caBundle: { configMapKeyRef: { name: 'ca', key: 'k' } }, clientCertificate: { secretName: 'cert' } },
    };
    const rights = rightsForRules(
      [rule({ sources: [{ timer: { schedule: '0 3 * * *' } }], actions: [{ webhook }] })],
      LEASE,
    );
    const get = { apiGroups: [''], verbs: ['get'] };
    expect(rights.namespaces['shop']).toEqual(
      expect.arrayContaining([
        { ...get, resources: ['secrets'], resourceNames: ['cert', 'sign', 'token', 'url'] },
        { ...get, resources: ['configmaps'], resourceNames: ['ca'] },
      ]),
    );
  });

  it('of cluster-scoped objects are in a ClusterRole; a guessed plural is said', () => {
    const rights = rightsForRules(
      [
        rule({
          sources: [
            { resource: { apiVersion: 'v1', kind: 'Node', name: 'n' } },
            { resource: { apiVersion: 'a.example/v1', kind: 'Policy' } },
          ],
          actions: [ROLL],
        }),
      ],
      LEASE,
    );
    expect(rights.cluster).toEqual([
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'], resourceNames: ['n'] },
    ]);
    expect(rights.notes).toEqual([expect.stringMatching(/"policies" is guessed from the kind Policy/)]);
    expect(rbacManifests(rights, { name: 'kt', operatorNamespace: 'ops' })).toContainEqual(
      expect.objectContaining({ kind: 'ClusterRoleBinding' }),
    );
  });
});

describe('the rights for a rule that acts as a service account', () => {
  it('are to act as that one and no more', () => {
    const spec = { serviceAccountName: 'deployer', sources: [{ configMap: { name: 'cm' } }], actions: [ROLL] };
    const rights = rightsForRules([rule(spec)], LEASE);
    expect(Object.keys(rights.namespaces)).toEqual(['shop']);
    expect(rights.namespaces['shop']?.at(-1)).toEqual({
      apiGroups: [''],
      resources: ['serviceaccounts'],
      verbs: ['impersonate'],
      resourceNames: ['deployer'],
    });
    expect(rights.notes).toEqual([expect.stringMatching(/shop\/web acts as service account deployer/)]);
  });
});

describe('the rights for plugins', () => {
  it('are in a ClusterRole, or in Roles of the namespaces', () => {
    const plugins = bundledRegistry().all();
    const wide = rightsForPlugins(plugins, LEASE);
    const narrow = rightsForPlugins(plugins, { ...LEASE, namespaces: ['shop'] });
    expect(narrow.namespaces).toEqual({ shop: wide.cluster });
    expect(narrow.cluster).toEqual([]);
  });

  it('leave out what no plugin needs', () => {
    const withoutWebhook = bundledRegistry()
      .all()
      .filter(({ name }) => name !== 'webhook');
    const resources = rightsForPlugins(withoutWebhook, LEASE).cluster.flatMap((one) => one.resources);
    expect(resources).not.toContain('services');
  });
});

describe('the manifests', () => {
  it('have two names where the rules are in the namespace of the operator', () => {
    const rights = rightsForRules([rule({ sources: [{ configMap: {} }], actions: [ROLL] })], LEASE);
    const roles = (
      rbacManifests(rights, { name: 'kt', operatorNamespace: 'shop' }) as { kind: string; metadata: object }[]
    )
      .filter(({ kind }) => kind === 'Role')
      .map(({ metadata }) => metadata);
    expect(roles).toEqual([
      { name: 'kt-own', namespace: 'shop' },
      { name: 'kt', namespace: 'front' },
      { name: 'kt', namespace: 'shop' },
    ]);
  });

  it('have no Secret of users when those are withheld, and all the rest', () => {
    const plugins = bundledRegistry().all();
    const { cluster, own } = rightsForPlugins(plugins, { ...LEASE, secrets: false });
    expect(cluster.flatMap(({ resources }) => resources)).not.toContain('secrets');
    expect(cluster.flatMap(({ resources }) => resources)).toEqual(
      expect.arrayContaining(['configmaps', 'services', 'statefulsets']),
    );
    expect(own.flatMap(({ resources }) => resources)).toContain('secrets');
  });

  it('may act as service accounts only when rules may name one, and need nothing else when all have one', () => {
    const plugins = bundledRegistry().all();
    const verbs = (impersonate: 'never' | 'optional' | 'always') =>
      rightsForPlugins(plugins, { ...LEASE, impersonate }).cluster.flatMap((one) => one.verbs);
    expect(verbs('never')).not.toContain('impersonate');
    expect(verbs('optional')).toContain('impersonate');
    const always = rightsForPlugins(plugins, { ...LEASE, impersonate: 'always' }).cluster;
    expect(always.flatMap(({ resources }) => resources)).toEqual([
      'triggerrules',
      'triggerrules/status',
      'triggercheckpoints',
      'events',
      'serviceaccounts',
    ]);
  });
});
