import type { RbacRule } from '@kube-trigger/core';
import { type ApiResponse, type Envtest, eventually, installCrd } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorPolicy } from '../../src/api/author-policy.js';
import { definitions } from '../../src/api/definitions.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { COLD, SPECS, TIMERS } from '../support/author-specs.js';
import { describeOnKubernetes } from '../support/newer-kubernetes.js';

const RULES = '/apis/app.example.com/v1alpha1/namespaces/default/triggerrules';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const WATCH = { configMap: { name: 'cm' } };

const read: RbacRule = { apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: ['cm'] };
const roll: RbacRule = { apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'], resourceNames: ['web'] };
const exec: RbacRule = { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] };
const pods: RbacRule = { apiGroups: [''], resources: ['pods'], verbs: ['list'] };
const token: RbacRule = { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['token'] };
const become: RbacRule = {
  apiGroups: [''],
  resources: ['serviceaccounts'],
  verbs: ['impersonate'],
  resourceNames: ['deployer'],
};

const inPods = { exec: { selector: {}, command: ['nginx', '-s', 'reload'] } };
const withToken = { name: 'Authorization', valueFrom: { secretKeyRef: { name: 'token', key: 'k' } } };
const tell = { webhook: { url: 'https://example.com', headers: [withToken] } };

describeOnKubernetes(30, 'the admission policy for authors', (start) => {
  let plane: Envtest;
  const ask = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    plane.client.request(method, path, body, headers);
  const must = async (...args: Parameters<typeof ask>) => {
    const answer = await ask(...args);
    if (answer.status >= 300) throw new Error(`${args[0]} ${args[1]}: ${answer.status} ${answer.text}`);
    return answer;
  };
  const as = (user: string) => ({ 'impersonate-user': user });
  const ruleOf = (spec: object, name = 'web') => ({
    apiVersion: 'app.example.com/v1alpha1',
    kind: 'TriggerRule',
    metadata: { name },
    spec,
  });
  /** Without a trace: what the API server would say. */
  const wouldCreate = (user: string, spec: object): Promise<ApiResponse> =>
    ask('POST', `${RULES}?dryRun=All`, ruleOf(spec), as(user));
  const grant = async (user: string, rules: readonly RbacRule[]) => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    const mine = { apiGroups: ['app.example.com'], resources: ['triggerrules'], verbs: ['*'] };
    await must('POST', `${rbac}/roles`, { metadata: { name: user }, rules: [mine, ...rules] });
    await must('POST', `${rbac}/rolebindings`, {
      metadata: { name: user },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    });
    await eventually(async () => (await ask('GET', RULES, undefined, as(user))).status === 200, {
      because: 'the Role should be in force',
    });
  };

  beforeAll(async () => {
    plane = await start();
    for (const definition of definitions(bundledRegistry())) await installCrd(plane.client, definition);
    const [policy, binding] = authorPolicy(bundledRegistry(), { name: 'authors', action: 'Deny' });
    const base = '/apis/admissionregistration.k8s.io/v1';
    await must('POST', `${base}/validatingadmissionpolicies`, policy);
    await must('POST', `${base}/validatingadmissionpolicybindings`, binding);
    await grant('nobody', []);
    await eventually(async () => (await wouldCreate('nobody', { sources: [WATCH], actions: [COLD] })).status !== 201, {
      because: 'the policy should be in force',
      timeoutMs: 60_000,
    });
  }, 180_000);
  afterAll(() => plane?.stop());

  describe('refuses who may not do what the rule does, and says what is missing', () => {
    it.each([
      [
        'reads',
        { sources: [WATCH], actions: [COLD] },
        [read, roll],
        read,
        'may not get configmaps "cm" in namespace "default"',
      ],
      [
        'rolls',
        { sources: [WATCH], actions: [COLD] },
        [read, roll],
        roll,
        'may not patch deployments.apps "web" in namespace',
      ],
      [
        'runs',
        { sources: TIMERS, actions: [inPods] },
        [exec, pods],
        exec,
        'may not create pods/exec in namespace "default"',
      ],
      [
        'tells',
        { sources: TIMERS, actions: [tell] },
        [token],
        token,
        'may not get secrets "token" in namespace "default"',
      ],
      [
        'becomes',
        { serviceAccountName: 'deployer', sources: [WATCH], actions: [inPods] },
        [become],
        become,
        'may not impersonate serviceaccounts "deployer" in namespace "default"',
      ],
    ] as const)('%s', async (name, spec, rights, missing, message) => {
      await grant(name, rights);
      expect((await wouldCreate(name, spec)).text).toContain('"kind":"TriggerRule"');
      await grant(
        `${name}-not`,
        rights.filter((right) => right !== missing),
      );
      const refused = await wouldCreate(`${name}-not`, spec);
      expect(refused.status).toBe(403);
      expect(refused.text).toContain(JSON.stringify(`${name}-not ${message}`).slice(1, -1));
    });

    it('also where it reaches into another namespace', async () => {
      await grant('reaches', [read, roll]);
      const there = { updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web', namespace: 'kube-system' } } };
      const { status, text } = await wouldCreate('reaches', { sources: [WATCH], actions: [there] });
      expect(status).toBe(403);
      expect(text).toContain('in namespace \\"kube-system\\"');
    });

    it('and a plugin that it does not know, unless a service account bounds it', async () => {
      await grant('guesses', [become]);
      const spec = { sources: [{ queue: {} }], actions: [{ chat: {} }] };
      const { status, text } = await wouldCreate('guesses', spec);
      expect(status).toBe(403);
      expect(text).toContain('\\"queue\\", \\"chat\\"');
      expect((await wouldCreate('guesses', { ...spec, serviceAccountName: 'deployer' })).status).toBe(201);
    });

    it('and more rights than it can ask for', async () => {
      const actions = Array.from({ length: 30 }, (_, n) => ({
        updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web', namespace: `team-${n}` } },
      }));
      const { status, text } = await ask('POST', `${RULES}?dryRun=All`, ruleOf({ sources: TIMERS, actions }));
      expect(status).toBe(403);
      expect(text).toContain('needs more rights than can be asked for (24)');
    });
  });

  it('has room for all that a rule may need: no expression fails or costs too much', async () => {
    const most = Array.from({ length: 24 }, (_, n) => ({
      updatePodTemplate: { objectRef: { kind: 'Deployment', name: `w-${n}` } },
    }));
    const many = Array.from({ length: 64 }, (_, n) => ({ configMap: { name: `cm-${n}` } }));
    const rules = [...SPECS, { sources: TIMERS, actions: most }, { sources: many, actions: [COLD] }];
    for (const spec of rules) {
      const { status, text } = await ask('POST', `${RULES}?dryRun=All`, ruleOf(spec));
      expect(status, text).toBe(201);
    }
  });

  describe('looks at an update', () => {
    beforeAll(() => must('POST', RULES, ruleOf({ sources: [WATCH], actions: [COLD] }, 'kept')));

    it.each([
      ['that changes the spec', { spec: { suspend: true } }, 403],
      ['that asks the rule to run', { metadata: { annotations: { 'app.example.com/fire': 'now' } } }, 403],
      ['not where it changes a label', { metadata: { labels: { team: 'a' } } }, 200],
    ])('%s', async (_, patch, status) => {
      const answer = await ask('PATCH', `${RULES}/kept?dryRun=All`, patch, { ...MERGE, ...as('nobody') });
      expect(answer.status, answer.text).toBe(status);
    });

    it('not where the operator writes status', async () => {
      await grant('operates', [
        { apiGroups: ['app.example.com'], resources: ['triggerrules/status'], verbs: ['patch'] },
      ]);
      const headers = { ...MERGE, ...as('operates') };
      const answer = await ask('PATCH', `${RULES}/kept/status`, { status: { underWay: 1 } }, headers);
      expect(answer.status, answer.text).toBe(200);
    });
  });
});
