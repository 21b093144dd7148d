export { WebhookConfig } from './config/schema.js';
export type { Resolve } from './http/guard.js';
export { type WebhookNetwork, WebhookNetworkToken } from './network.js';
export { webhook, webhook as default } from './plugin.js';
export { WebhookAction } from './webhook-action.js';
