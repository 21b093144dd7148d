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
const paced = (pacing: object, config: object = { referencing: true }) => ({ ...config, pacing });
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
    named({ kind: 'StatefulSet' }, { strategy: 'evict' }),
    named(CUSTOM, { strategy: 'evict', evict: {} }),
    named({ kind: 'Pod' }, { strategy: 'evict', evict: { maxUnavailable: '25%' } }),
    { selector: { kind: 'Pod', matchLabels: { a: 'b' } }, strategy: 'evict', evict: { maxUnavailable: 3 } },
    { referencing: true, kinds: [{ kind: 'Deployment' }, { kind: 'Pod' }], strategy: 'evict' },
    { referencing: true, configSnapshot: {} },
    named({ kind: 'CronJob' }, { configSnapshot: { history: 1 }, strategy: 'annotate' }),
    { referencing: true, kinds: [{ kind: 'CronJob' }, { ...CUSTOM, podTemplatePath: 'spec.pods' }] },
    { referencing: true, pacing: { concurrency: 5, minIntervalSeconds: 60, progressDeadlineSeconds: 30 } },
    { referencing: true, pacing: { concurrency: '100%', onFailure: 'undo' } },
    { referencing: true, pacing: { waves: [{ matchLabels: { a: 'b' } }, { count: 1 }, { percent: 100 }] } },
    { referencing: true, pacing: { waves: [{ percent: 1 }], progress: 'time', waveIntervalSeconds: 1 } },
    named({ kind: 'CronJob' }, { pacing: { waves: [{ count: 1 }], progress: 'time', waveIntervalSeconds: 1 } }),
    named({ kind: 'CronJob' }, { pacing: { minIntervalSeconds: 60 } }),
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
    [
      named({ kind: 'Deployment' }, { force: true }),
      'force: is not a known field; known fields: configSnapshot, evict, kinds, objectRef',
    ],
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
    [
      { referencing: true, kinds: [{ kind: 'Pods' }] },
      `kinds[0].kind: "Pods" cannot be rolled; did you mean "Pod"? ${KINDS}`,
    ],
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
    [
      named({ kind: 'Deployment' }, { strategy: 'delete' }),
      'strategy: "delete" is not one of annotate, restartedAt, evict',
    ],
    [
      named({ kind: 'Deployment' }, { evict: { maxUnavailable: 1 } }),
      'evict: goes with strategy: evict only, and this is annotate; add strategy: evict, or remove it',
    ],
    [
      named({ kind: 'Deployment' }, { strategy: 'evict', pacing: { concurrency: 2 } }),
      'pacing: is for rollouts by the pod template; with strategy: evict use evict.maxUnavailable',
    ],
    [
      named({ kind: 'Pod' }),
      'strategy: "annotate" changes a pod template, and a Pod has none; use evict, or name the workload that makes the pods',
    ],
    [
      { referencing: true, kinds: [{ kind: 'Pod' }], strategy: 'restartedAt' },
      'strategy: "restartedAt" changes a pod template, and a Pod has none',
    ],
    [
      named({ kind: 'CronJob' }, { strategy: 'evict' }),
      'strategy: "evict" would fail the Jobs of a CronJob, whose next run starts anew anyway; use annotate',
    ],
    [
      named({ kind: 'Pod' }, { strategy: 'evict', podTemplatePath: 'spec.pod' }),
      'podTemplatePath: is known for a Pod (spec); remove it',
    ],
    [named({ kind: 'Deployment' }, { strategy: 'evict', evict: { maxUnavailable: 0 } }), 'evict.maxUnavailable: 0'],
    [
      named({ kind: 'Deployment' }, { strategy: 'evict', evict: { maxUnavailable: '0%' } }),
      'evict.maxUnavailable: "0%"',
    ],
    [{ referencing: true, configSnapshot: true }, 'configSnapshot: true must be object'],
    [{ referencing: true, configSnapshot: { history: 0 } }, 'configSnapshot.history: 0 must be >= 1'],
    [{ referencing: true, configSnapshot: { history: 101 } }, 'configSnapshot.history: 101 must be <= 100'],
    [{ referencing: true, configSnapshot: { history: '5' } }, 'configSnapshot.history: "5" must be integer'],
    [
      { referencing: true, configSnapshot: { keep: 5 } },
      'configSnapshot.keep: is not a known field; known fields: history',
    ],
    ...(['restartedAt', 'evict'] as const).map((strategy): [unknown, string] => [
      { referencing: true, configSnapshot: {}, strategy },
      `configSnapshot: cannot stand beside strategy: ${strategy}, which leaves the references of the pod template as they are; use annotate`,
    ]),
    [
      { referencing: true, configSnapshot: {}, patchType: 'apply' },
      'patchType: "apply" cannot stand beside configSnapshot, whose patches test what they replace; leave it out',
    ],
    [
      { selector: { kind: 'Deployment', matchLabels: { 'a b': 'c' } } },
      'selector.matchLabels["a b"]: "a b" is not a label key',
    ],
    [paced({}), 'pacing: is empty; say concurrency, minIntervalSeconds or waves, or leave it out'],
    [paced({ concurrency: 0 }), 'pacing.concurrency: 0 must be >= 1'],
    [paced({ concurrency: '0%' }), 'a number, or a percentage from "1%" to "100%"'],
    [paced({ concurrency: '5' }), 'a number, or a percentage from "1%" to "100%"'],
    [paced({ concurrency: 1.5 }), 'pacing.concurrency: 1.5 must be either integer or string'],
    [paced({ minIntervalSeconds: 0 }), 'pacing.minIntervalSeconds: 0 must be >= 1'],
    [paced({ waves: [] }), 'pacing.waves: the list must not have fewer than 1 items'],
    [paced({ waves: [{}] }), 'pacing.waves[0]: names nobody; write matchLabels, matchExpressions, percent or count'],
    [
      paced({ waves: [{ matchLabels: {} }] }),
      'pacing.waves[0]: names nobody; write matchLabels, matchExpressions, percent or count',
    ],
    [paced({ waves: [{ percent: 5, count: 1 }] }), 'pacing.waves[0]: has percent and count; keep one of them'],
    [
      paced({ waves: [{ percent: 5, matchLabels: { a: 'b' } }] }),
      'pacing.waves[0]: has labels and percent; keep one of them',
    ],
    [
      paced({ waves: [{ matchLabels: { 'a b': 'c' } }] }),
      'pacing.waves[0].matchLabels["a b"]: "a b" is not a label key',
    ],
    [
      paced({ waves: [{ percent: 60 }, { percent: 50 }] }),
      'pacing.waves[1].percent: makes 110 percent with the waves before it; 100 are all',
    ],
    [
      paced({ waves: [{ percent: 100 }, { count: 5 }] }),
      'pacing.waves[1].count: comes after 100 percent, so nobody is left for it; remove it',
    ],
    [
      paced({ waves: [{ count: 1 }], progress: 'time' }),
      'pacing.progress: "time" needs waveIntervalSeconds: the time between two waves',
    ],
    [
      paced({ concurrency: 1, progress: 'rollout' }),
      'pacing.progress: is about what comes between waves; add pacing.waves, or remove it',
    ],
    [
      paced({ waveIntervalSeconds: 5 }),
      'pacing.waveIntervalSeconds: is about what comes between waves; add pacing.waves, or remove it',
    ],
    [paced({ onFailure: 'rollback' }), 'pacing.onFailure: "rollback" is not one of stop, undo'],
    [
      named({ kind: 'CronJob' }, paced({ onFailure: 'undo' }, {})),
      'pacing.onFailure: "undo" needs earlier templates, which no CronJob keeps; use stop',
    ],
    [
      named(CUSTOM, paced({ onFailure: 'undo' }, {})),
      'pacing.onFailure: "undo" needs earlier templates, which no App keeps; use stop',
    ],
    [
      paced({ onFailure: 'undo' }, { referencing: true, patchType: 'apply' }),
      'pacing.onFailure: "undo" cannot take back what server-side apply owns; use stop, or patchType: merge',
    ],
    [
      named({ kind: 'CronJob' }, paced({ concurrency: 1 }, {})),
      'pacing.concurrency: a CronJob has no rollout to wait for; remove it',
    ],
    [
      named({ kind: 'CronJob' }, paced({ waves: [{ count: 1 }] }, {})),
      'pacing.progress: a CronJob has no rollout to wait for; write progress: time and waveIntervalSeconds',
    ],
  ])('%j', (config, expected) => {
    expect(wrongWith(config)).toEqual([expect.stringContaining(expected)]);
  });
});
