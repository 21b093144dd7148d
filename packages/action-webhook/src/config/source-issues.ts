import type { ConfigIssue } from '@kube-trigger/core';
import type { KeySource } from './schema.js';

/** Exactly one of the references. */
export function sourceIssues(source: KeySource, path: string, ...others: readonly string[]): ConfigIssue[] {
  const count = Object.values(source).filter((ref) => ref !== undefined).length;
  if (count === 1) return [];
  return [{ path, message: `needs exactly one of ${[...others, 'secretKeyRef', 'configMapKeyRef'].join(', ')}` }];
}
