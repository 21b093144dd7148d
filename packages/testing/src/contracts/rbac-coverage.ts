import type { RbacRule } from '@kube-trigger/core';
import { qualifiedName } from '@kube-trigger/kube';
import type { RecordedRequest } from './recording-kube-client.js';

/** What was requested although no declared rule allows it, e.g. `patch statefulsets.apps`. Sorted, each once. */
export function uncovered(requests: readonly RecordedRequest[], rules: readonly RbacRule[]): string[] {
  const missing = requests
    .filter((request) => !rules.some((rule) => allows(rule, request)))
    .map(({ verb, resource, subresource }) => `${verb} ${qualifiedName(resource)}${slash(subresource)}`);
  return [...new Set(missing)].toSorted();
}

function allows(rule: RbacRule, { verb, resource, subresource, name }: RecordedRequest): boolean {
  const { resourceNames } = rule;
  return (
    has(rule.apiGroups, resource.group) &&
    has(rule.resources, `${resource.plural}${slash(subresource)}`) &&
    has(rule.verbs, verb) &&
    (resourceNames === undefined || (name !== undefined && resourceNames.includes(name)))
  );
}

function has(list: readonly string[], item: string): boolean {
  return list.includes(item) || list.includes('*');
}

function slash(subresource: string | undefined): string {
  return subresource === undefined ? '' : `/${subresource}`;
}
