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
  return issues.map(({ path, message }) => `${path}: ${message}`);
}

describe('good configs', () => {
  it.each([
    { objectRef: { kind: 'StatefulSet', name: 'busybox' } },
    { objectRef: { kind: 'Deployment', name: 'web', namespace: 'other' } },
    { objectRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent.v2' } },
  ])('%j', (config) => {
    expect(wrongWith(config)).toEqual([]);
  });
});

describe('bad configs name the field and the fix', () => {
  const KINDS = 'Kinds that can: Deployment, StatefulSet, DaemonSet';
  it.each<[unknown, string]>([
    [{}, 'updatePodTemplate.objectRef: is required'],
    [{ objectRef: { kind: 'Deployment' } }, 'updatePodTemplate.objectRef.name: is required'],
    [{ objectRef: { name: 'web' } }, 'updatePodTemplate.objectRef.kind: is required'],
    [
      { objectRef: { kind: 'Statefulset', name: 'a' } },
      `updatePodTemplate.objectRef.kind: "Statefulset" cannot be rolled; did you mean "StatefulSet"? ${KINDS}`,
    ],
    [
      { objectRef: { kind: 'CronJob', name: 'a' } },
      `updatePodTemplate.objectRef.kind: "CronJob" cannot be rolled; ${KINDS}`,
    ],
    [
      { objectRef: { kind: 'constructor', name: 'a' } },
      `updatePodTemplate.objectRef.kind: "constructor" cannot be rolled; ${KINDS}`,
    ],
    [
      { objectRef: { apiVersion: 'apps/v1beta1', kind: 'Deployment', name: 'a' } },
      'updatePodTemplate.objectRef.apiVersion: "apps/v1beta1" is not supported; leave it out or write apps/v1',
    ],
    [{ objectRef: { kind: 'Deployment', name: 'A_b' } }, 'updatePodTemplate.objectRef.name: "A_b" must match pattern'],
    [
      { objectRef: { kind: 'Deployment', name: 'a', namespace: 'a.b' } },
      'updatePodTemplate.objectRef.namespace: "a.b" must match pattern',
    ],
    [
      { objectRef: { kind: 'Deployment', nam: 'a', name: 'a' } },
      'updatePodTemplate.objectRef.nam: is not a known field; did you mean "name"?',
    ],
    [
      { objectRef: { kind: 'Deployment', name: 'a' }, force: true },
      'updatePodTemplate.force: is not a known field; known fields: objectRef',
    ],
  ])('%j', (config, expected) => {
    expect(wrongWith(config)).toEqual([expect.stringContaining(expected)]);
  });
});
