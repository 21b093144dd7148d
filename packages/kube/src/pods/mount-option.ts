import type { ConfiguredRbacRule } from '@kube-trigger/core';
import { Type } from 'typebox';

export interface MountOption {
  readonly afterSeconds?: number;
}

/** Of the actions that do something in running pods. */
export const waitForMountOption = () =>
  Type.Optional(
    Type.Object(
      {
        afterSeconds: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 3600,
            description:
              'Instead of looking into the pods: so long after the change was seen. The kubelet takes up to two minutes.',
          }),
        ),
      },
      {
        additionalProperties: false,
        description:
          'Acts only when the pods see the changed ConfigMap or Secret in their volumes. Empty: looks into them, with `pods/exec`. Other events do not wait.',
      },
    ),
  );

/** Whether pods are looked into, which takes more rights than waiting. */
export function looksIntoMounts(option: MountOption | undefined): boolean {
  return option !== undefined && option.afterSeconds === undefined;
}

/** To read what pods should see. Which objects that are is known only by the sources of the rule. */
export const MOUNT_RBAC: ConfiguredRbacRule = {
  apiGroups: [''],
  resources: ['configmaps', 'secrets'],
  verbs: ['get'],
  note: 'waitForMount reads the ConfigMaps and Secrets that the rule watches: leave out the kind that it does not watch, or name them.',
};
