export { createPlugin } from './create-plugin.js';
export type { CreatedPlugin, PluginToCreate } from './create-plugin.js';
export { KINDS } from './names.js';
export type { Kind } from './names.js';
