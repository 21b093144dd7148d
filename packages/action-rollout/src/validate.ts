import { type ConfigIssue, nearest } from '@kube-trigger/core';
import { selectorIssues } from '@kube-trigger/kube';
import type { RolloutConfig } from './config.js';
import { pacingIssues } from './pacing/validate.js';
import { snapshotIssues } from './snapshot/config.js';
import { isPod, kindOf, type KindRef, kindsIn, knownKind, KNOWN_KINDS, POD } from './targets/kinds.js';

/** What the schema cannot say: which options go together, and what can be done to which kind. */
export function validateRollout(config: RolloutConfig): ConfigIssue[] {
  const { pacing } = config;
  const paced =
    pacing === undefined ? [] : pacingIssues(pacing, { kinds: kindsIn(config), patchType: config.patchType });
  return [
    ...choiceIssues(config),
    ...kindIssuesOf(config),
    ...paced,
    ...evictIssues(config),
    ...snapshotIssues(config),
  ];
}

function choiceIssues(config: RolloutConfig): ConfigIssue[] {
  const { objectRef, referencing, kinds, selector, podTemplatePath } = config;
  const issues: ConfigIssue[] = [];
  if (referencing === false) {
    issues.push({
      path: 'referencing',
      message: 'is false; write true, or leave it out and use objectRef or selector',
    });
  }
  if (kinds !== undefined && referencing === undefined) {
    issues.push({
      path: 'kinds',
      message: `goes with referencing: true only; ${objectRef === undefined ? 'selector' : 'objectRef'} has its own kind`,
    });
  }
  if (podTemplatePath !== undefined && referencing !== undefined) {
    issues.push({ path: 'podTemplatePath', message: 'belongs to a kind: write it as kinds[].podTemplatePath' });
  }
  return [...issues, ...selectorIssues(selector ?? {}, 'selector')];
}

function evictIssues({ evict, pacing, strategy }: RolloutConfig): ConfigIssue[] {
  if (strategy === 'evict' && pacing !== undefined) {
    const message = 'is for rollouts by the pod template; with strategy: evict use evict.maxUnavailable';
    return [{ path: 'pacing', message }];
  }
  if (evict === undefined || strategy === 'evict') return [];
  return [
    {
      path: 'evict',
      message: `goes with strategy: evict only, and this is ${strategy}; add strategy: evict, or remove it`,
    },
  ];
}

function kindIssuesOf(config: RolloutConfig): ConfigIssue[] {
  const { objectRef, selector, kinds = [], podTemplatePath } = config;
  const own = { podTemplatePath, pathOfPath: 'podTemplatePath' };
  const named = [
    ...(objectRef === undefined ? [] : [{ path: 'objectRef', ref: objectRef, ...own }]),
    ...(selector === undefined ? [] : [{ path: 'selector', ref: selector, ...own }]),
    ...kinds.map((ref, index) => ({
      path: `kinds[${index}]`,
      ref,
      podTemplatePath: ref.podTemplatePath,
      pathOfPath: `kinds[${index}].podTemplatePath`,
    })),
  ];
  const repeated = kinds.flatMap(({ apiVersion, kind }, index) => {
    const before = kinds.findIndex((other) => other.kind === kind && other.apiVersion === apiVersion);
    return before === index ? [] : [{ path: `kinds[${index}].kind`, message: `"${kind}" is named twice; remove one` }];
  });
  return [...named.flatMap((each) => kindIssues(each, config)), ...repeated];
}

interface NamedKind {
  readonly path: string;
  readonly ref: KindRef;
  readonly podTemplatePath: string | undefined;
  readonly pathOfPath: string;
}

function kindIssues({ path, ref, podTemplatePath, pathOfPath }: NamedKind, { strategy }: RolloutConfig): ConfigIssue[] {
  const issues = [...unknownKind(path, ref), ...oldVersion(path, ref)];
  if (podTemplatePath !== undefined) {
    const known = knownKind(ref);
    if (known !== undefined) {
      const message = `is known for a ${ref.kind} (${known.templatePath.join('.') || 'spec'}); remove it`;
      issues.push({ path: pathOfPath, message });
    } else if (!/^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)*$/.test(podTemplatePath)) {
      issues.push({
        path: pathOfPath,
        message: `"${podTemplatePath}" is not a path; write fields joined by dots, like spec.template`,
      });
    }
  }
  const kind = kindOf(ref);
  if (isPod(kind)) return strategy === 'evict' ? issues : [...issues, patchedPod(strategy)];
  if (strategy === 'evict' && kind.known && kind.kind === 'CronJob') {
    const message = '"evict" would fail the Jobs of a CronJob, whose next run starts anew anyway; use annotate';
    issues.push({ path: 'strategy', message });
  }
  if (strategy === 'restartedAt' && kind.restart === undefined) {
    const message = `"restartedAt" cannot restart a ${ref.kind}, whose next run starts anew anyway; use annotate`;
    issues.push({ path: 'strategy', message });
  }
  return issues;
}

function patchedPod(strategy: string): ConfigIssue {
  const message = `"${strategy}" changes a pod template, and a Pod has none; use evict, or name the workload that makes the pods`;
  return { path: 'strategy', message };
}

function unknownKind(path: string, { kind, apiVersion }: KindRef): ConfigIssue[] {
  if (apiVersion !== undefined || knownKind({ kind }) !== undefined) return [];
  const close = /^pods?$/i.test(kind) ? POD.kind : nearest(kind, KNOWN_KINDS);
  const hint = close === undefined ? '' : `did you mean "${close}"? `;
  const message = `"${kind}" cannot be rolled; ${hint}Kinds that can: ${KNOWN_KINDS.join(', ')}; for a custom kind write its apiVersion too`;
  return [{ path: `${path}.kind`, message }];
}

function oldVersion(path: string, { kind, apiVersion }: KindRef): ConfigIssue[] {
  if (apiVersion === undefined) return [];
  const legacy = /^(extensions|apps)\/v\d/.test(apiVersion);
  const known = knownKind({ kind });
  const versions = known?.apiVersions ?? [];
  const sameGroup = knownKind({ kind, apiVersion }) !== undefined;
  if (!(sameGroup || (legacy && versions.includes('apps/v1'))) || versions.includes(apiVersion)) return [];
  const message = `"${apiVersion}" is not supported; leave it out or write ${versions.join(' or ')}`;
  return [{ path: `${path}.apiVersion`, message }];
}
