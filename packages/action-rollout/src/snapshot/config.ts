import type { ConfigIssue } from '@kube-trigger/core';
import { Type } from 'typebox';
import type { RolloutConfig } from '../config.js';

export const ConfigSnapshot = Type.Optional(
  Type.Object(
    {
      history: Type.Integer({
        minimum: 1,
        maximum: 100,
        default: 5,
        description:
          'How many snapshots per object are kept at least. One that something still refers to is kept besides.',
      }),
    },
    {
      additionalProperties: false,
      description:
        'Points pods to an immutable copy of what changed, so that running pods keep what they have, and kubectl rollout undo brings it back.',
      examples: [{ history: 5 }],
    },
  ),
);

/** What cannot go with snapshots, which are a change of the pod template's references. */
export function snapshotIssues({ configSnapshot, strategy, patchType }: RolloutConfig): ConfigIssue[] {
  if (configSnapshot === undefined) return [];
  const issues: ConfigIssue[] = [];
  if (strategy !== 'annotate') {
    const message = `cannot stand beside strategy: ${strategy}, which leaves the references of the pod template as they are; use annotate`;
    issues.push({ path: 'configSnapshot', message });
  }
  if (patchType !== undefined) {
    const message = `"${patchType}" cannot stand beside configSnapshot, whose patches test what they replace; leave it out`;
    issues.push({ path: 'patchType', message });
  }
  return issues;
}
