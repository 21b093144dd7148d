import type { ConfigIssue, LabelSelector } from '@kube-trigger/core';
import type { Static } from 'typebox';

type Selector = Static<ReturnType<typeof LabelSelector>>;

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const DOMAIN = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** A label selector in the API's text form; undefined when it selects all. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: Selector): string | undefined {
  const requirements = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values = [] }) => {
      if (operator === 'Exists') return key;
      if (operator === 'DoesNotExist') return `!${key}`;
      return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
    }),
  ];
  return requirements.length === 0 ? undefined : requirements.join(',');
}

/** What the API server would refuse about it. */
export function selectorIssues({ matchLabels = {}, matchExpressions = [] }: Selector, path: string): ConfigIssue[] {
  const labels = Object.entries(matchLabels).flatMap(([key, value]) => {
    const at = `${path}.matchLabels["${key}"]`;
    return [...keyIssues(key, at), ...valueIssues([value], () => at)];
  });
  const expressions = matchExpressions.flatMap(({ key, operator, values = [] }, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const needed = operator === 'In' || operator === 'NotIn';
    const issues = [...keyIssues(key, `${at}.key`), ...valueIssues(values, (i) => `${at}.values[${i}]`)];
    if (needed && values.length === 0)
      issues.push({ path: `${at}.values`, message: `is empty; ${operator} needs one` });
    if (!needed && values.length > 0)
      issues.push({ path: `${at}.values`, message: `must be left out with ${operator}` });
    return issues;
  });
  return [...labels, ...expressions];
}

function keyIssues(key: string, path: string): ConfigIssue[] {
  const slash = key.indexOf('/');
  const fine = NAME.test(key.slice(slash + 1)) && (slash < 0 || DOMAIN.test(key.slice(0, slash)));
  return fine ? [] : [{ path, message: `"${key}" is not a label; write [domain/]name` }];
}

function valueIssues(values: readonly string[], path: (index: number) => string): ConfigIssue[] {
  return values.flatMap((value, index) =>
    VALUE.test(value)
      ? []
      : [
          {
            path: path(index),
            message: `"${value}" is not a label value; at most 63 letters, digits, "-", "_" or "."`,
          },
        ],
  );
}
