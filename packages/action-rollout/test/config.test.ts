import { validateConfig } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import updatePodTemplate from '../src/index.js';

function wrongWith(config: unknown): string[] {
  const validated = validateConfig(updatePodTemplate.config, config, 'updatePodTemplate');
  const issues =
    validated.issues ??
    updatePodTemplate
      .validate?.(validated.value)
      .map(({ path, message }) => ({ path: `updatePodTemplate.${path}`, message })) ??
    [];
  return issues.map(({ path, message }) => `${path.replace('updatePodTemplate.', '')}: ${message}`);
}

const CUSTOM = { apiVersion: 'example.com/v1', kind: 'App' };
const named = (ref: object, more: object = {}) => ({ objectRef: { name: 'a', ...ref }, ...more });

describe('good configs', () => {
  it.each([
    named({ kind: 'StatefulSet' }),
    named({ kind: 'Deployment', namespace: 'other' }),
    named({ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent.v2' }),
    named({ kind: 'CronJob' }),
    named({ apiVersion: 'batch/v1beta1', kind: 'CronJob' }),
    named({ kind: 'Rollout' }, { strategy: 'restartedAt' }),
    named(CUSTOM, { podTemplatePath: 'spec.pod_template.x-y' }),
    named({ apiVersion: 'apps.example.com/v1', kind: 'Deployment' }, { podTemplatePath: 'spec.pods' }),
    { selector: { kind: 'Deployment' } },
    { selector: { kind: 'Deployment', namespace: 'other', matchLabels: { a: 'b' } }, patchType: 'apply' },
    { referencing: true },
    { referencing: true, kinds: [{ kind: 'CronJob' }, { ...CUSTOM, podTemplatePath: 'spec.pods' }] },
  ])('%j', (config) => {
    expect(wrongWith(config)).toEqual([]);
  });
});

describe('bad configs name the field and the fix', () => {
  const KINDS =
    'Kinds that can: Deployment, StatefulSet, DaemonSet, CronJob, Rollout; for a custom kind write its apiVersion too';
  it.each<[unknown, string]>([
    [{}, 'updatePodTemplate: needs exactly one of objectRef, selector, referencing'],
    [{ objectRef: { kind: 'Deployment' } }, 'objectRef.name: is required'],
    [{ objectRef: { name: 'web' } }, 'objectRef.kind: is required'],
    [
      named({ kind: 'Statefulset' }),
      `objectRef.kind: "Statefulset" cannot be rolled; did you mean "StatefulSet"? ${KINDS}`,
    ],
    [named({ kind: 'Job' }), `objectRef.kind: "Job" cannot be rolled; ${KINDS}`],
    [named({ kind: 'constructor' }), `objectRef.kind: "constructor" cannot be rolled; ${KINDS}`],
    [
      named({ apiVersion: 'apps/v1beta1', kind: 'Deployment' }),
      'objectRef.apiVersion: "apps/v1beta1" is not supported; leave it out or write apps/v1',
    ],
    [
      named({ apiVersion: 'extensions/v1beta1', kind: 'Deployment' }),
      'objectRef.apiVersion: "extensions/v1beta1" is not supported; leave it out or write apps/v1',
    ],
    [named({ kind: 'Deployment', name: 'A_b' }), 'objectRef.name: "A_b" must match pattern'],
    [named({ kind: 'Deployment', namespace: 'a.b' }), 'objectRef.namespace: "a.b" must match pattern'],
    [named({ kind: 'Deployment', nam: 'a' }), 'objectRef.nam: is not a known field; did you mean "name"?'],
    [named({ kind: 'Deployment' }, { force: true }), 'force: is not a known field; known fields: kinds, objectRef'],
    [
      named({ kind: 'Deployment' }, { selector: { kind: 'Deployment' } }),
      'updatePodTemplate: has objectRef and selector; keep one of them',
    ],
    [
      { selector: { kind: 'Deployment' }, referencing: true },
      'updatePodTemplate: has selector and referencing; keep one of them',
    ],
    [{ referencing: false }, 'referencing: is false; write true, or leave it out and use objectRef or selector'],
    [
      named({ kind: 'Deployment' }, { kinds: [{ kind: 'Deployment' }] }),
      'kinds: goes with referencing: true only; objectRef has its own kind',
    ],
    [{ referencing: true, kinds: [{ kind: 'Pods' }] }, `kinds[0].kind: "Pods" cannot be rolled; ${KINDS}`],
    [
      { referencing: true, kinds: [{ kind: 'Deployment' }, { kind: 'Deployment' }] },
      'kinds[1].kind: "Deployment" is named twice; remove one',
    ],
    [
      { referencing: true, podTemplatePath: 'spec.pods' },
      'podTemplatePath: belongs to a kind: write it as kinds[].podTemplatePath',
    ],
    [
      named({ kind: 'CronJob' }, { podTemplatePath: 'spec.pods' }),
      'podTemplatePath: is known for a CronJob (spec.jobTemplate.spec.template); remove it',
    ],
    [
      named(CUSTOM, { podTemplatePath: '/spec/pods' }),
      'podTemplatePath: "/spec/pods" is not a path; write fields joined by dots, like spec.template',
    ],
    [
      named({ kind: 'CronJob' }, { strategy: 'restartedAt' }),
      'strategy: "restartedAt" cannot restart a CronJob, whose next run starts anew anyway; use annotate',
    ],
    [named({ kind: 'Deployment' }, { strategy: 'delete' }), 'strategy: "delete" is not one of annotate, restartedAt'],
    [
      { selector: { kind: 'Deployment', matchLabels: { 'a b': 'c' } } },
      'selector.matchLabels["a b"]: "a b" is not a label key',
    ],
  ])('%j', (config, expected) => {
    expect(wrongWith(config)).toEqual([expect.stringContaining(expected)]);
  });
});
