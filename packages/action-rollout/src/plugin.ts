import { defineAction } from '@kube-trigger/core';
import { RolloutConfig } from './config.js';
import { ROLLOUT_ERRORS } from './errors.js';
import { AUTHOR_RIGHTS } from './author-rights.js';
import { rbacForRollout, ROLLOUT_RBAC } from './rbac.js';
import { RolloutAction } from './rollout-action.js';
import { validateRollout } from './validate.js';

/** The action `updatePodTemplate`. */
export const updatePodTemplate = defineAction({
  name: 'updatePodTemplate',
  summary: 'Rolls workloads by their pod template: one, those with certain labels, or those that use what changed.',
  config: RolloutConfig,
  semantics: 'level',
  validate: validateRollout,
  rbac: ROLLOUT_RBAC,
  rbacFor: rbacForRollout,
  authorRights: AUTHOR_RIGHTS,
  errors: ROLLOUT_ERRORS,
  useClass: RolloutAction,
});
