export { definitions } from './api/definitions.js';
export {
  API_GROUP,
  API_GROUP_VERSION,
  FIRE_ANNOTATION,
  RESUME_ANNOTATION,
  RETRY_ANNOTATION,
  TRIGGER_CHECKPOINT,
  TRIGGER_RULE,
} from './api/resources.js';
export { rbacManifests } from './api/rbac-manifests.js';
export type { RbacNames } from './api/rbac-manifests.js';
export { leaseRbac, rightsForPlugins, rightsForRules, RULES_RBAC } from './api/rbac.js';
export type { Rights } from './api/rbac.js';
export type { DevOptions } from './cli/dev.js';
export { BUNDLED, bundledRegistry } from './plugins/bundled.js';
export { loadPlugins } from './plugins/load-plugins.js';
export type { PluginSelection } from './plugins/load-plugins.js';
export { findPluginPackage } from './plugins/plugin-package.js';
export type { PluginPackage } from './plugins/plugin-package.js';
export { ClusterCheckpointStore } from './checkpoint/cluster-checkpoint-store.js';
export type { ClusterCheckpointOptions } from './checkpoint/cluster-checkpoint-store.js';
export { createLogger } from './logger.js';
export type { LogLevel } from './logger.js';
export { startOperator } from './operator.js';
export type { Operator, OperatorOptions } from './operator.js';
export type { RuleStatus } from './rules/trigger-rule.js';
export { VERSION } from './version.js';
