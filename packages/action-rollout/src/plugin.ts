import { defineAction } from '@kube-trigger/core';
import { resourceOf, RolloutConfig, validateRollout } from './config.js';
import { ROLLOUT_ERRORS } from './errors.js';
import { RolloutAction } from './rollout-action.js';

/** The action `updatePodTemplate`. */
export const updatePodTemplate = defineAction({
  name: 'updatePodTemplate',
  summary: 'Rolls a Deployment, StatefulSet or DaemonSet by an annotation on its pod template.',
  config: RolloutConfig,
  semantics: 'level',
  validate: validateRollout,
  rbac: [{ apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['get', 'patch'] }],
  rbacFor: ({ objectRef: { kind, name, namespace } }) => [
    {
      apiGroups: ['apps'],
      resources: [resourceOf(kind)?.plural ?? ''],
      verbs: ['get', 'patch'],
      resourceNames: [name],
      ...(namespace === undefined ? {} : { namespace }),
    },
  ],
  errors: ROLLOUT_ERRORS,
  useClass: RolloutAction,
});
