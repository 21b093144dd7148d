export { ResourceConfig } from './config.js';
export { resource, resource as default } from './plugin.js';
export { ResourceSource } from './resource-source.js';
export type { ResourceEventData } from './resource-source.js';
