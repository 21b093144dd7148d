import { defineSource } from '@kube-trigger/core';
import { ResourceConfig, validateResource } from './config.js';
import { AUTHOR_RIGHTS, rbacForResource } from './rbac.js';
import { ResourceSource } from './resource-source.js';

/** The source `resource`. */
export const resource = defineSource({
  name: 'resource',
  summary: 'Fires when objects of any kind, custom resources included, change in the fields that count.',
  config: ResourceConfig,
  semantics: 'level',
  revisionFormat: 1,
  objects: 'readable',
  validate: validateResource,
  // The kinds are the rules' choice: whoever installs kube-trigger grants them.
  rbac: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'], chosenByRules: true }],
  rbacFor: rbacForResource,
  authorRights: AUTHOR_RIGHTS,
  errors: {
    KT_RESOURCE_NOT_FOUND: 'The object that the rule names does not exist; the rule waits for it.',
    KT_RESOURCE_NAMESPACE: 'The rule names a namespace for a kind that is cluster-scoped.',
  },
  useClass: ResourceSource,
});
