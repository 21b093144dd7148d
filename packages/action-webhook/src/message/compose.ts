import type { ActionContext, Delivery } from '@kube-trigger/core';
import { EvaluationError } from '@kube-trigger/expressions';
import type { HeaderConfig, WebhookConfig } from '../config/schema.js';
import { isHeaderValue } from '../config/validate-headers.js';
import { webhookError } from '../errors.js';
import { describeSource, type References } from '../targets/references.js';
import { compileBody } from './body-template.js';
import { type Content, cloudEvent } from './cloud-event.js';
import { signatureHeaders, signingKeys } from './signature.js';

/** What every target of one attempt gets. */
export interface Message {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** What a message takes from Secrets and ConfigMaps. */
export interface Material {
  readonly headers: Readonly<Record<string, string>>;
  readonly keys: readonly Buffer[];
}

export async function materialOf(config: WebhookConfig, references: References): Promise<Material> {
  const headers = await Promise.all(
    config.headers.map(async (header) => [header.name, await headerValue(header, references)]),
  );
  const { signature } = config;
  const keys = signature === undefined ? [] : signingKeys(await references.text(signature), describeSource(signature));
  return { headers: Object.fromEntries(headers) as Record<string, string>, keys };
}

async function headerValue({ name, value, valueFrom }: HeaderConfig, references: References): Promise<string> {
  if (valueFrom === undefined) return value ?? '';
  const text = await references.text(valueFrom);
  if (isHeaderValue(text)) return text;
  throw webhookError('KT_WEBHOOK_REFERENCE_INVALID', `${describeSource(valueFrom)} cannot be the header ${name}`, {
    retry: 'backoff',
    fix: 'A header holds one line of printable ASCII; correct the value of that key',
  });
}

export function compose(
  config: WebhookConfig,
  { headers, keys }: Material,
  { delivery, context }: { readonly delivery: Delivery; readonly context: ActionContext },
): Message {
  const content = contentOf(config, delivery, context);
  const signed = { id: delivery.id, nowMs: context.scheduler.now(), body: content.body ?? '' };
  return {
    method: config.method,
    headers: {
      'user-agent': 'kube-trigger',
      ...lowered(headers),
      ...content.headers,
      'webhook-id': delivery.id,
      ...(keys.length === 0 ? {} : signatureHeaders(keys, signed)),
    },
    body: content.body,
  };
}

/** Two spellings of one name must not become two headers. */
function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function contentOf(config: WebhookConfig, delivery: Delivery, { rule }: ActionContext): Content {
  const event = { ...delivery.event, id: delivery.id };
  const { body, cloudEvents, method } = config;
  if (body === undefined) {
    const withoutData = method === 'GET';
    const mode = cloudEvents?.mode ?? (withoutData ? 'binary' : 'structured');
    return cloudEvent(event, rule, { mode, type: cloudEvents?.type, source: cloudEvents?.source, withoutData });
  }
  const { template, issue } = compileBody(body);
  if (template === undefined) throw unmade(issue, 'Correct the template');
  try {
    return { headers: { 'content-type': body.contentType }, body: template.render(event, rule) };
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    throw unmade(error.message, error.fix);
  }
}

function unmade(reason: string, fix: string): Error {
  return webhookError('KT_WEBHOOK_TEMPLATE', `body.template: ${reason}`, { retry: 'never', fix });
}
