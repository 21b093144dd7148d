export { SecretConfig } from './config.js';
export { secret, secret as default } from './plugin.js';
export { SecretSource } from './secret-source.js';
export type { SecretEventData } from './secret-source.js';
export { HIDDEN_TYPES } from './types.js';
