import { defineSource } from '@kube-trigger/core';
import { choiceAuthorRights, choiceRbac, WELL_KNOWN } from '@kube-trigger/kube';
import { ConfigMapConfig, validateConfigMap } from './config.js';
import { ConfigMapSource } from './configmap-source.js';

/** The source `configMap`, which also serves `objectRef: {kind: ConfigMap}`. */
export const configMap = defineSource({
  name: 'configMap',
  summary: 'Fires when the data of a ConfigMap, of those with certain labels or of all in a namespace changes.',
  config: ConfigMapConfig,
  handles: { apiVersion: 'v1', kind: 'ConfigMap' },
  semantics: 'level',
  revisionFormat: 1,
  objects: 'readable',
  validate: validateConfigMap,
  rbac: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }],
  rbacFor: (config) => [choiceRbac(WELL_KNOWN.ConfigMap, config)],
  authorRights: choiceAuthorRights(WELL_KNOWN.ConfigMap),
  errors: { KT_CONFIGMAP_NOT_FOUND: 'The ConfigMap that the rule names does not exist; the rule waits for it.' },
  useClass: ConfigMapSource,
});
