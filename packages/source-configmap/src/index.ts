export { ConfigMapConfig } from './config.js';
export { ConfigMapSource } from './configmap-source.js';
export type { ConfigMapEventData } from './configmap-source.js';
export { configMap, configMap as default } from './plugin.js';
