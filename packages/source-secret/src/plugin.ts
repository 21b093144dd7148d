import { defineSource } from '@kube-trigger/core';
import { choiceAuthorRights, choiceRbac, DIGEST_KEY_RBAC, WELL_KNOWN } from '@kube-trigger/kube';
import { SecretConfig, validateSecret } from './config.js';
import { SecretSource } from './secret-source.js';

/** The source `secret`, which also serves `objectRef: {kind: Secret}`. */
export const secret = defineSource({
  name: 'secret',
  summary: 'Fires when the data of a Secret, of those with certain labels or of all in a namespace changes.',
  config: SecretConfig,
  handles: { apiVersion: 'v1', kind: 'Secret' },
  semantics: 'level',
  revisionFormat: 1,
  objects: { never: 'the values of a Secret reach no expression' },
  validate: validateSecret,
  rbac: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] }, ...DIGEST_KEY_RBAC],
  rbacFor: (config) => [choiceRbac(WELL_KNOWN.Secret, config), ...DIGEST_KEY_RBAC],
  authorRights: choiceAuthorRights(WELL_KNOWN.Secret),
  errors: { KT_SECRET_NOT_FOUND: 'The Secret that the rule names does not exist; the rule waits for it.' },
  useClass: SecretSource,
});
