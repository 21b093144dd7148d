import { defineAction } from '@kube-trigger/core';
import { AUTHOR_RIGHTS, rbacForWebhook } from './config/rbac.js';
import { WebhookConfig } from './config/schema.js';
import { validateWebhook } from './config/validate.js';
import { WEBHOOK_ERRORS } from './errors.js';
import { compileBody } from './message/body-template.js';
import { WebhookAction } from './webhook-action.js';

/** The action `webhook`. */
export const webhook = defineAction({
  name: 'webhook',
  summary: 'Tells a URL, a Service or every ready pod over HTTP.',
  config: WebhookConfig,
  semantics: 'edge',
  validate: validateWebhook,
  needsObject: ({ body }) => body !== undefined && (compileBody(body).template?.needsObject ?? false),
  rbac: [
    { apiGroups: [''], resources: ['services'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
    { apiGroups: [''], resources: ['secrets', 'configmaps'], verbs: ['get'] },
    // Where `waitForMount` looks into pods: whoever installs it says whether it may.
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'], chosenByRules: true },
  ],
  rbacFor: rbacForWebhook,
  authorRights: AUTHOR_RIGHTS,
  errors: WEBHOOK_ERRORS,
  useClass: WebhookAction,
});
