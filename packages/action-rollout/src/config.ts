import { type ConfigIssue, NamespaceName, nearest, ObjectName } from '@kube-trigger/core';
import { type Resource, WELL_KNOWN } from '@kube-trigger/kube';
import { type Static, Type } from 'typebox';

export const RolloutConfig = Type.Object(
  {
    objectRef: Type.Object(
      {
        apiVersion: Type.Optional(Type.String({ description: 'Version of the kind. Default: apps/v1, the only one.' })),
        kind: Type.String({
          minLength: 1,
          description: 'Deployment, StatefulSet or DaemonSet.',
          examples: ['Deployment', 'StatefulSet', 'DaemonSet'],
        }),
        name: ObjectName({ description: 'Name of the workload.' }),
        namespace: Type.Optional(NamespaceName({ description: "Where it is. Default: the rule's namespace." })),
      },
      { additionalProperties: false, description: 'The workload to roll.' },
    ),
  },
  { additionalProperties: false, description: 'Rolls a workload by an annotation on its pod template.' },
);
export type RolloutConfig = Static<typeof RolloutConfig>;

const KINDS: Readonly<Record<string, Resource>> = {
  Deployment: WELL_KNOWN.Deployment,
  StatefulSet: WELL_KNOWN.StatefulSet,
  DaemonSet: WELL_KNOWN.DaemonSet,
};

/** The kind's coordinates; undefined for a kind that has no rolling update. */
export function resourceOf(kind: string): Resource | undefined {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
}

/** What the schema cannot say well: kinds with the nearest known one, and their only API version. */
export function validateRollout({ objectRef }: RolloutConfig): ConfigIssue[] {
  const { kind, apiVersion } = objectRef;
  const issues: ConfigIssue[] = [];
  if (resourceOf(kind) === undefined) {
    const known = Object.keys(KINDS);
    const close = nearest(kind, known);
    const hint = close === undefined ? '' : `did you mean "${close}"? `;
    issues.push({
      path: 'objectRef.kind',
      message: `"${kind}" cannot be rolled; ${hint}Kinds that can: ${known.join(', ')}`,
    });
  }
  if (apiVersion !== undefined && apiVersion !== 'apps/v1') {
    const message = `"${apiVersion}" is not supported; leave it out or write apps/v1`;
    issues.push({ path: 'objectRef.apiVersion', message });
  }
  return issues;
}
