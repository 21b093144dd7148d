import { LabelSelector, NamespaceName, ObjectName, StringEnum } from '@kube-trigger/core';
import { waitForMountOption } from '@kube-trigger/kube';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;

const codes = (defaults: readonly string[], description: string) =>
  Type.Array(Type.String({ pattern: '^[0-9]{1,3}(-[0-9]{1,3})?$' }), {
    default: [...defaults],
    maxItems: 32,
    description,
  });

export const ExecConfig = Type.Object(
  {
    selector: Type.Optional(
      LabelSelector({ description: 'Runs in the ready pods with these labels. Empty selects all.' }),
    ),
    objectRef: Type.Optional(
      Type.Object(
        {
          apiVersion: Type.Optional(
            Type.String({ description: 'Version of the kind. Default: apps/v1, the only one.' }),
          ),
          kind: Type.String({
            minLength: 1,
            description: 'Deployment, StatefulSet, DaemonSet or ReplicaSet.',
            examples: ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'],
          }),
          name: ObjectName({ description: 'Name of the workload.' }),
        },
        { ...closed, description: 'Or in the ready pods that the selector of this workload selects.' },
      ),
    ),
    name: Type.Optional(ObjectName({ description: 'Or in the pod of this name.' })),
    namespace: Type.Optional(NamespaceName({ description: "Where the pods are. Default: the rule's namespace." })),
    container: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 63,
        description:
          'Where in the pod. Default: what the annotation `kubectl.kubernetes.io/default-container` of the pod says, else its first container.',
      }),
    ),
    command: Type.Array(Type.String({ maxLength: 4096 }), {
      minItems: 1,
      maxItems: 64,
      description:
        'Program and arguments. No shell is put around them. Each may be a template: `${…}` around CEL expressions over `event` and `rule`; `$${` is a plain `${`.',
      examples: [['nginx', '-s', 'reload']],
    }),
    pods: StringEnum(['all', 'one'], {
      default: 'all',
      description: 'In all of them, or in one: the first by name.',
    }),
    parallelism: Type.Integer({ default: 8, minimum: 1, maximum: 64, description: 'Pods at the same time.' }),
    waitForMount: waitForMountOption(),
    successCodes: codes(['0'], 'Exit codes that mean it worked, as numbers or ranges.'),
    retryCodes: codes(['1-125', '128-255'], 'Exit codes after which a repetition may help. Any other one is final.'),
    showOutput: Type.Boolean({
      default: false,
      description:
        'Shows the end of what the command wrote in results and errors, and so in status, Events and logs. Only for commands that never print secrets.',
    }),
  },
  { ...closed, description: 'Runs a command in pods.' },
);
export type ExecConfig = Static<typeof ExecConfig>;
