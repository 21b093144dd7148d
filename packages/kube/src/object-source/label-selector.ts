import type { ConfigIssue, LabelSelector } from '@kube-trigger/core';
import type { Static } from 'typebox';

export type Selector = Static<ReturnType<typeof LabelSelector>>;
type Requirement = NonNullable<Selector['matchExpressions']>[number];

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** What the API server would refuse about a selector, with paths below `path` (Kubernetes' labels.Requirement rules). */
export function selectorIssues(selector: Selector, path: string): ConfigIssue[] {
  const labels = Object.entries(selector.matchLabels ?? {}).flatMap(([key, value]) => {
    const at = `${path}.matchLabels["${key}"]`;
    return [...keyIssues(key, at), ...valueIssues(value, at)];
  });
  const expressions = (selector.matchExpressions ?? []).flatMap((requirement, index) =>
    requirementIssues(requirement, `${path}.matchExpressions[${index}]`),
  );
  return [...labels, ...expressions];
}

function requirementIssues({ key, operator, values = [] }: Requirement, path: string): ConfigIssue[] {
  const issues = keyIssues(key, `${path}.key`);
  const needsValues = operator === 'In' || operator === 'NotIn';
  if (needsValues && values.length === 0) {
    issues.push({
      path: `${path}.values`,
      message: `is empty, but ${operator} needs at least one value; for any value use Exists or DoesNotExist`,
    });
  }
  if (!needsValues && values.length > 0) {
    const instead = operator === 'Exists' ? 'In' : 'NotIn';
    issues.push({
      path: `${path}.values`,
      message: `must be left out with ${operator}; to compare values use ${instead}`,
    });
  }
  return [...issues, ...values.flatMap((value, index) => valueIssues(value, `${path}.values[${index}]`))];
}

function keyIssues(key: string, path: string): ConfigIssue[] {
  const slash = key.indexOf('/');
  const [prefix, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
  const fine = NAME.test(name) && (prefix === undefined || (prefix.length <= 253 && PREFIX.test(prefix)));
  if (fine) return [];
  const message = `"${key}" is not a label key; write [domain/]name, the name of at most 63 letters, digits, "-", "_" or "."`;
  return [{ path, message }];
}

function valueIssues(value: string, path: string): ConfigIssue[] {
  if (VALUE.test(value)) return [];
  const message = `"${value}" is not a label value; write at most 63 letters, digits, "-", "_" or ".", with a letter or digit at both ends`;
  return [{ path, message }];
}

/**
 * The selector in the API's `labelSelector` form, undefined when it selects all. Canonical: selectors that only differ in order,
 * repetition or in how one value is written give equal text, so that their watches are shared.
 */
export function labelSelectorText(selector: Selector | undefined): string | undefined {
  const requirements = [
    ...Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`),
    ...(selector?.matchExpressions ?? []).map(requirementText),
  ];
  return requirements.length === 0 ? undefined : [...new Set(requirements)].toSorted().join(',');
}

function requirementText({ key, operator, values = [] }: Requirement): string {
  const set = [...new Set(values)].toSorted();
  switch (operator) {
    case 'In':
      return set.length === 1 ? `${key}=${set[0]}` : `${key} in (${set.join(',')})`;
    case 'NotIn':
      return set.length === 1 ? `${key}!=${set[0]}` : `${key} notin (${set.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
  }
}

/** Whether labels match. Empty selects all, as on the API server. */
export function selectorMatches(selector: Selector | undefined, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((requirement) => requirementMatches(requirement, labels))
  );
}

function requirementMatches({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>) {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
