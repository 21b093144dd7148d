import { LabelSelector, NamespaceName, ObjectName, StringEnum } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';
import { Evict } from './evict/config.js';
import { Pacing } from './pacing/config.js';
import { ConfigSnapshot } from './snapshot/config.js';
import { STRATEGY_NAMES, type StrategyName } from './strategies/index.js';

const KINDS =
  'Deployment, StatefulSet, DaemonSet, CronJob, Rollout (Argo), with strategy: evict also Pod, or a custom kind with its apiVersion';

const apiVersion = () =>
  Type.Optional(Type.String({ minLength: 1, description: 'Version of the kind. Needed for custom kinds only.' }));
const kind = () => Type.String({ minLength: 1, description: `${KINDS}.`, examples: ['Deployment', 'StatefulSet'] });
const podTemplatePath = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 253, description, examples: ['spec.podTemplate'] }));

export const RolloutConfig = Type.Object(
  {
    objectRef: Type.Optional(
      Type.Object(
        {
          apiVersion: apiVersion(),
          kind: kind(),
          name: ObjectName({ description: 'Name of the workload.' }),
          namespace: Type.Optional(NamespaceName({ description: "Where it is. Default: the rule's namespace." })),
        },
        { additionalProperties: false, description: 'The one workload to roll.' },
      ),
    ),
    selector: Type.Optional(
      Type.Object(
        {
          apiVersion: apiVersion(),
          kind: kind(),
          namespace: Type.Optional(NamespaceName({ description: "Where they are. Default: the rule's namespace." })),
          ...LabelSelector().properties,
        },
        { additionalProperties: false, description: 'Rolls every workload of a kind with these labels.' },
      ),
    ),
    referencing: Type.Optional(
      Type.Boolean({
        description:
          'Rolls every workload in the namespace of the changed object whose pod template uses it, if it uses a key that changed.',
      }),
    ),
    kinds: Type.Optional(
      Type.Array(
        Type.Object(
          {
            apiVersion: apiVersion(),
            kind: kind(),
            podTemplatePath: podTemplatePath('Where a custom kind has its pod template. Default: spec.template.'),
          },
          { additionalProperties: false },
        ),
        {
          minItems: 1,
          maxItems: 16,
          description: 'With referencing: the kinds to look at. Default: Deployment, StatefulSet and DaemonSet.',
        },
      ),
    ),
    podTemplatePath: podTemplatePath(
      'With objectRef and selector: where a custom kind has its pod template. Default: spec.template.',
    ),
    strategy: StringEnum(STRATEGY_NAMES, {
      default: 'annotate',
      description:
        'How pods are replaced: annotate writes the revision to the pod template, restartedAt does what kubectl rollout restart does, evict evicts them and leaves the template alone.',
    }),
    evict: Type.Optional(Evict),
    patchType: Type.Optional(
      StringEnum(['merge', 'apply'], {
        description:
          'How it is written: as a merge patch (the default), or by server-side apply with a field manager per rule.',
      }),
    ),
    pacing: Type.Optional(Pacing),
    configSnapshot: ConfigSnapshot,
  },
  {
    additionalProperties: false,
    description: 'Rolls workloads by an annotation on their pod template.',
    exactlyOneOf: ['objectRef', 'selector', 'referencing'],
  },
);
export type RolloutConfig = Static<typeof RolloutConfig>;

/** One whose strategy is a patch of the workload. */
export type PatchingConfig = RolloutConfig & { readonly strategy: StrategyName };

export function isPatching(config: RolloutConfig): config is PatchingConfig {
  return config.strategy !== 'evict';
}
