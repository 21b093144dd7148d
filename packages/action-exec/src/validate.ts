import { type ConfigIssue, nearest } from '@kube-trigger/core';
import { type CompiledTemplate, compileTemplate } from '@kube-trigger/expressions';
import { type Resource, selectorIssues, WELL_KNOWN } from '@kube-trigger/kube';
import type { ExecConfig } from './config.js';
import { boundsOf } from './exit-codes.js';

const KINDS: Readonly<Record<string, Resource>> = {
  Deployment: WELL_KNOWN.Deployment,
  StatefulSet: WELL_KNOWN.StatefulSet,
  DaemonSet: WELL_KNOWN.DaemonSet,
  ReplicaSet: WELL_KNOWN.ReplicaSet,
};

/** The kind's coordinates; undefined for a kind whose pods are not known by a selector. */
export function workloadResource(kind: string): Resource | undefined {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
}

/** Of one word once it is rendered. All of them are part of a URL. */
const MAX_WORD = 8192;

export function compileWord(word: string): CompiledTemplate {
  return compileTemplate(word, { maxLength: MAX_WORD });
}

/** What the schema cannot say: what excludes what, kinds, labels, templates, ranges. */
export function validateExec(config: ExecConfig): ConfigIssue[] {
  return [
    ...targetIssues(config),
    ...commandIssues(config),
    ...codeIssues(config.successCodes, 'successCodes'),
    ...codeIssues(config.retryCodes, 'retryCodes'),
  ];
}

const TARGETS = ['selector', 'objectRef', 'name'] as const;

function targetIssues(config: ExecConfig): ConfigIssue[] {
  const { selector, objectRef, container } = config;
  const set = TARGETS.filter((field) => config[field] !== undefined);
  const issues: ConfigIssue[] = [];
  if (set.length === 0) issues.push({ path: '', message: `needs pods: one of ${TARGETS.join(', ')}` });
  if (set.length > 1) issues.push({ path: '', message: `has ${set.join(' and ')}; keep exactly one of them` });
  if (selector !== undefined) issues.push(...selectorIssues(selector, 'selector'));
  if (objectRef !== undefined) issues.push(...workloadIssues(objectRef));
  if (container !== undefined && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(container)) {
    issues.push({ path: 'container', message: `"${container}" is not a name of a container` });
  }
  return issues;
}

function workloadIssues({ kind, apiVersion }: NonNullable<ExecConfig['objectRef']>): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  if (workloadResource(kind) === undefined) {
    const known = Object.keys(KINDS);
    const close = nearest(kind, known);
    const hint =
      kind === 'Pod' ? 'write its name into exec.name. ' : close === undefined ? '' : `did you mean "${close}"? `;
    const message = `"${kind}" has no pods that are known here; ${hint}Kinds that have: ${known.join(', ')}`;
    issues.push({ path: 'objectRef.kind', message });
  }
  if (apiVersion !== undefined && apiVersion !== 'apps/v1') {
    const message = `"${apiVersion}" is not supported; leave it out or write apps/v1`;
    issues.push({ path: 'objectRef.apiVersion', message });
  }
  return issues;
}

function commandIssues({ command }: ExecConfig): ConfigIssue[] {
  const issues = command.flatMap((word, index) => {
    const { issue } = compileWord(word);
    return issue === undefined ? [] : [{ path: `command[${index}]`, message: issue }];
  });
  const [program = ''] = command;
  if (program === '') issues.push({ path: 'command[0]', message: 'is empty; name a program of the image' });
  else if (command.length === 1 && /\s/.test(program) && !program.includes('${')) {
    const words = program.trim().split(/\s+/).join(', ');
    const message = `"${program}" has spaces; write each word for itself: [${words}], or [sh, -c, "…"] for a shell`;
    issues.push({ path: 'command[0]', message });
  }
  return issues;
}

function codeIssues(ranges: readonly string[], path: string): ConfigIssue[] {
  return ranges.flatMap((range, index) => {
    const [low, high] = boundsOf(range);
    const at = `${path}[${index}]`;
    if (high > 255 || low > 255) return [{ path: at, message: `"${range}" is not an exit code; they are 0 to 255` }];
    return low <= high ? [] : [{ path: at, message: `"${range}" is empty; write the lower number first` }];
  });
}
