import { configOf } from '@kube-trigger/testing/contracts';
import { expect, it } from 'vitest';
import { exec, type ExecConfig } from '../src/index.js';
import { plugin } from './world.js';

const good = { selector: {}, command: ['true'] };

it.each<[string, object]>([
  ['exactly one of them', { ...good, name: 'web-0' }],
  ['needs pods: one of selector, objectRef, name', { command: ['true'] }],
  ['did you mean "Deployment"', { objectRef: { kind: 'Deploymnt', name: 'web' }, command: ['true'] }],
  ['write its name into exec.name', { objectRef: { kind: 'Pod', name: 'web-0' }, command: ['true'] }],
  ['leave it out or write apps/v1', { objectRef: { apiVersion: 'v1', kind: 'Deployment', name: 'a' }, command: ['x'] }],
  ['[nginx, -s, reload]', { ...good, command: ['nginx -s reload'] }],
  ['command[0]', { ...good, command: [''] }],
  ['command', { ...good, command: [] }],
  ['command[1]', { ...good, command: ['log', '${event.kye}'] }],
  ['is not a name of a container', { ...good, container: 'Nginx' }],
  ['they are 0 to 255', { ...good, successCodes: ['256'] }],
  ['write the lower number first', { ...good, retryCodes: ['5-1'] }],
  ['parallelism', { ...good, parallelism: 0 }],
  ['pods', { ...good, pods: 'any' }],
  ['waitForMount.afterSeconds', { ...good, waitForMount: { afterSeconds: 0 } }],
  ['waitForMount.seconds', { ...good, waitForMount: { seconds: 5 } }],
  ['waitForMount', { ...good, waitForMount: true }],
  ['stdin', { ...good, stdin: 'x' }],
  ['matchLabels', { ...good, selector: { matchLabels: { 'a b': 'c' } } }],
])('refuses, naming %s', (said, config) => {
  expect(() => configOf(plugin, config)).toThrow(said);
});

it('needs no more RBAC than its config', () => {
  const rbac = (config: object) => exec.rbacFor?.(configOf(plugin, config) as ExecConfig);
  expect(rbac({ name: 'web-0', namespace: 'other', command: ['true'] })).toEqual([
    { apiGroups: [''], resources: ['pods'], verbs: ['get'], resourceNames: ['web-0'], namespace: 'other' },
    {
      apiGroups: [''],
      resources: ['pods/exec'],
      verbs: ['get', 'create'],
      resourceNames: ['web-0'],
      namespace: 'other',
    },
  ]);
  const reading = { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get'], namespace: 'other' };
  const waiting = (waitForMount: object) => rbac({ ...good, namespace: 'other', waitForMount }) ?? [];
  expect(waiting({})).toContainEqual({ ...reading, note: expect.stringContaining('leave out the kind') as string });
  expect(waiting({ afterSeconds: 9 }).flatMap(({ resources }) => resources)).toEqual(['pods', 'pods/exec']);
  expect(rbac({ objectRef: { kind: 'StatefulSet', name: 'db' }, command: ['true'] })).toEqual([
    { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
    { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get'], resourceNames: ['db'] },
  ]);
});

it('says whether it needs the object', () => {
  const needs = (word: string) =>
    exec.needsObject?.(configOf(plugin, { ...good, command: ['log', word] }) as ExecConfig);
  expect([needs('${event.key}'), needs('${object.metadata.name}')]).toEqual([false, true]);
});
