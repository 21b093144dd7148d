import {
  compileRule,
  type CompiledRule,
  type ConfiguredRbacRule,
  defineAction,
  defineFilter,
} from '@kube-trigger/core';
import { guessedPlural, MOUNT_RBAC, type Resource, WELL_KNOWN } from '@kube-trigger/kube';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { authorPolicy } from '../../src/api/author-policy.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { COLD, keyOf, SPECS, TIMERS } from '../support/author-specs.js';
import { isLookedAt, variablesOf } from '../support/policy-in-js.js';

const OPTIONS = { name: 'authors', action: 'Deny' } as const;
const POLICY = authorPolicy(bundledRegistry(), OPTIONS);

function compiled(spec: object): CompiledRule {
  const compilation = compileRule({ namespace: 'shop', name: 'web', uid: 'u' }, spec, bundledRegistry());
  if ('issues' in compilation) throw new Error(JSON.stringify(compilation.issues));
  return compilation.rule;
}

/** What the operator needs for a rule, one text for each right; its own Events and its own Secret left out. */
function needed(spec: object): string[] {
  const { sources, actions } = compiled(spec);
  const items: readonly { readonly plugin: object; readonly config: unknown }[] = [...sources, ...actions];
  const rules = items.flatMap(({ plugin, config }) => {
    const { rbacFor } = plugin as { rbacFor?: (config: unknown) => readonly ConfiguredRbacRule[] };
    return rbacFor?.(config) ?? [];
  });
  const acting = rules.filter(
    (rule) =>
      rule.inOperatorNamespace !== true &&
      !rule.resources.includes('events') &&
      // What the rule's sources watch, for which those ask.
      rule.note !== MOUNT_RBAC.note,
  );
  const rights = acting.flatMap(({ apiGroups, resources, verbs, namespace = 'shop', resourceNames = [''] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) =>
          resourceNames.map((name) => [verb, group, ...split(resource), namespace, name].join('|')),
        ),
      ),
    ),
  );
  return [...new Set(rights)];
}

function split(resource: string): [string, string] {
  const [plural = '', subresource = ''] = resource.split('/');
  return [plural, subresource];
}

const asked = (spec: object, policy = POLICY) => variablesOf(policy, spec, 'shop')['rights'] as string[];
const verbless = (right: string) => right.slice(right.indexOf('|'));
const isWrite = (right: string) => !/^(get|list|watch)\|/.test(right) && !right.startsWith('get||pods|exec');

describe('the policy asks whether the author may do what the rule does', () => {
  it.each(SPECS.map((spec) => [JSON.stringify(spec), spec] as const))('%s', (_, spec) => {
    const rights = asked(spec);
    const needs = needed(spec);
    // Every change, and each thing that is read, by one of the verbs that show it.
    expect(rights).toEqual(expect.arrayContaining(needs.filter(isWrite)));
    expect(rights.map(verbless)).toEqual(expect.arrayContaining(needs.map(verbless)));
    expect(needs).toEqual(expect.arrayContaining(rights));
  });

  it('by listing where the rule sees all objects, by reading where it names one', () => {
    expect(asked({ sources: [{ secret: {} }, { configMap: { name: 'cm' } }], actions: [] })).toEqual([
      'get||configmaps||shop|cm',
      'list||secrets||shop|',
    ]);
  });

  it('by rolling whatever refers to an object, in each namespace of a source', () => {
    const sources = [{ configMap: { namespace: 'a' } }, { secret: { namespace: 'b' } }, { timer: { every: '1h' } }];
    const kinds = [{ kind: 'Deployment' }];
    const rights = asked({ sources, actions: [{ updatePodTemplate: { referencing: true, kinds } }] });
    expect(rights.filter((right) => right.startsWith('patch'))).toEqual(
      ['a', 'b', 'shop'].map((namespace) => `patch|apps|deployments||${namespace}|`),
    );
  });

  it('for a copy of what is watched by making, changing and removing such objects', () => {
    const spec = {
      sources: [{ configMap: { name: 'cm' } }],
      actions: [
        { updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web', namespace: 'a' }, configSnapshot: {} } },
      ],
    };
    const writes = needed(spec).filter(isWrite);
    expect(writes).toContain('create||secrets||a|');
    expect(asked(spec)).toEqual(expect.arrayContaining([...writes, 'get||configmaps||shop|cm', 'get||secrets||a|']));
  });

  it('of an unknown kind in all namespaces, because it may be in none', () => {
    const sources = [{ resource: { apiVersion: 'cert-manager.io/v1', kind: 'Certificate', name: 'web' } }];
    const ref = { apiVersion: 'apps.kruise.io/v1alpha1', kind: 'CloneSet', name: 'web' };
    const rights = asked({ sources, actions: [{ updatePodTemplate: { objectRef: ref } }] });
    expect(rights).toEqual(['get|cert-manager.io|certificates|||web', 'patch|apps.kruise.io|clonesets|||web']);
  });

  it('of a kind that has only the name of a known one in all namespaces as well', () => {
    const ref = { apiVersion: 'example.com/v1', kind: 'Deployment', name: 'web' };
    const rights = asked({ sources: TIMERS, actions: [{ updatePodTemplate: { objectRef: ref } }] });
    expect(rights).toEqual(['patch|example.com|deployments|||web']);
  });

  it('of an Argo Rollout also for the workload that it may refer to', () => {
    const actions = [{ updatePodTemplate: { objectRef: { kind: 'Rollout', name: 'web' } } }];
    expect(asked({ sources: TIMERS, actions })).toEqual([
      'patch|argoproj.io|rollouts||shop|web',
      ...['deployments', 'statefulsets', 'daemonsets'].map((plural) => `patch|apps|${plural}||shop|`),
    ]);
  });

  it('names resources as Kubernetes does', () => {
    for (const { kind, plural } of Object.values<Resource>(WELL_KNOWN)) expect(guessedPlural(kind)).toBe(plural);
  });
});

describe('a rule that acts as a service account', () => {
  const spec = { sources: [{ secret: {} }], actions: [{ unheardOf: {} }] };

  it('asks for impersonation only, whatever its plugins do', () => {
    const variables = variablesOf(POLICY, { ...spec, serviceAccountName: 'deployer' }, 'shop');
    expect(variables['rights']).toEqual(['impersonate||serviceaccounts||shop|deployer']);
  });

  it('is every rule where the operator has a default one', () => {
    const policy = authorPolicy(bundledRegistry(), { ...OPTIONS, defaultServiceAccount: 'tenant' });
    expect(asked(spec, policy)).toEqual(['impersonate||serviceaccounts||shop|tenant']);
  });
});

describe('what the policy does not know', () => {
  it.each([
    [{ sources: [{ queue: {} }], actions: [COLD] }, ['"queue"']],
    [{ sources: TIMERS, filters: [{ guess: {}, name: 'x' }], actions: [COLD] }, ['"guess"']],
    [{ sources: TIMERS, actions: [COLD, { name: 'x', chat: {}, mail: {} }] }, ['"chat", "mail"']],
    [{ sources: TIMERS, actions: [{ '': {} }] }, ['""']],
    [{ sources: [{ objectRef: { kind: 'Pod', name: 'p' } }], actions: [COLD] }, ['"objectRef"']],
    [{ sources: [{ objectRef: { apiVersion: 'v2', kind: 'Secret', name: 'p' } }], actions: [COLD] }, ['"objectRef"']],
  ])('is told: %j', (spec, unknown) => {
    expect(variablesOf(POLICY, spec, 'shop')['unknown']).toEqual(unknown);
  });

  it('is nothing in all these', () => {
    for (const spec of SPECS) expect(variablesOf(POLICY, spec, 'shop')['unknown']).toEqual([]);
  });
});

describe('more rights than can be asked for', () => {
  it('become those to all objects of a kind', () => {
    const sources = Array.from({ length: 40 }, (_, n) => ({ configMap: { name: `cm-${n}` } }));
    expect(asked({ sources, actions: [COLD] })).toEqual(['get||configmaps||shop|', 'patch|apps|deployments||shop|']);
  });

  it('are counted once each', () => {
    const actions = Array.from({ length: 40 }, () => ({ webhook: { url: 'http://a', signature: keyOf('sign') } }));
    expect(asked({ sources: TIMERS, actions })).toEqual(['get||secrets||shop|sign']);
  });
});

describe('other plugins', () => {
  const config = Type.Object({});
  const rbac = [
    { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get'], inOperatorNamespace: true },
  ];
  const common = { summary: 'Does.', config, semantics: 'edge' } as const;
  class Does {
    run() {
      return Promise.resolve({ outcome: 'done' as const, targets: [] });
    }
  }

  it('that say no more ask for all their rights everywhere', () => {
    const registry = bundledRegistry();
    registry.register(defineAction({ ...common, name: 'log', rbac, useClass: Does }), 'log');
    const policy = authorPolicy(registry, OPTIONS);
    expect(asked({ sources: TIMERS, actions: [{ log: {} }] }, policy)).toEqual(['get||pods|log||']);
  });

  it('that use no Kubernetes ask for nothing', () => {
    const registry = bundledRegistry();
    registry.register(
      defineFilter({
        name: 'even',
        summary: 'Does.',
        config,
        rbac: [],
        create: () => ({ decide: () => ({ pass: true }) }),
      }),
      'even',
    );
    const variables = variablesOf(
      authorPolicy(registry, OPTIONS),
      { sources: TIMERS, filters: [{ even: {} }], actions: [COLD] },
      'shop',
    );
    expect(variables).toMatchObject({ unknown: [], rights: ['patch|apps|deployments||shop|web'] });
  });

  it('that let rules choose resources and do not say which are not known', () => {
    const registry = bundledRegistry();
    const any = [{ apiGroups: ['*'], resources: ['*'], verbs: ['get'], chosenByRules: true }];
    registry.register(defineAction({ ...common, name: 'any', rbac: any, useClass: Does }), 'any');
    const variables = variablesOf(authorPolicy(registry, OPTIONS), { sources: TIMERS, actions: [{ any: {} }] }, 'shop');
    expect(variables['unknown']).toEqual(['"any"']);
  });

  it('that are disabled are not known', () => {
    const registry = bundledRegistry();
    registry.disable('exec');
    const spec = { sources: TIMERS, actions: [{ exec: { name: 'p', command: ['true'] } }] };
    expect(variablesOf(authorPolicy(registry, OPTIONS), spec, 'shop')['unknown']).toEqual(['"exec"']);
  });
});

describe('an update', () => {
  const before = { metadata: { name: 'web' }, spec: { sources: TIMERS, actions: [COLD] } };
  const noted = (annotations: object) => ({ ...before, metadata: { name: 'web', annotations } });

  it.each([
    ['of the spec', { ...before, spec: { ...before.spec, suspend: true } }, before, true],
    ['that asks for a run', noted({ 'app.example.com/fire': 'now' }), before, true],
    [
      'that asks for the same run',
      noted({ 'app.example.com/fire': 'now', a: 'b' }),
      noted({ 'app.example.com/fire': 'now' }),
      false,
    ],
    ['that resumes', noted({ 'app.example.com/resume': '2' }), noted({ 'app.example.com/resume': '1' }), true],
    ['that retries', noted({ 'app.example.com/retry': '2' }), noted({}), true],
    ['of labels', { ...before, metadata: { name: 'web', labels: { a: 'b' }, finalizers: [] } }, before, false],
  ])('%s', (_, object, oldObject, looked) => {
    expect(isLookedAt(POLICY, object, oldObject)).toBe(looked);
  });
});
