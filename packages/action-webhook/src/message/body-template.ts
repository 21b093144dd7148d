import type { RuleIdentity, TriggerEvent } from '@kube-trigger/core';
import { type Compiled, TemplateEngine } from '../template/template.js';

/** A longer list costs more than a message is worth. */
const MAX_CHANGED_KEYS = 1000;

/** What a template sees. Named as in filters. Nothing here comes from the contents of a ConfigMap or Secret. */
const ENGINE = new TemplateEngine({
  event: {
    id: 'string',
    source: 'string',
    key: 'string',
    change: 'string',
    changedKeys: 'list<string>',
    revision: 'string',
    time: 'google.protobuf.Timestamp',
    data: 'map<string, dyn>',
  },
  rule: { namespace: 'string', name: 'string' },
});

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+( *; *[a-z0-9_.-]+=([^\s";,]+|"[\x20\x21\x23-\x7e]*"))*$/i;

export function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text);
}

function isJson(contentType: string): boolean {
  return /^[^;]*[/+]json *(;|$)/i.test(contentType);
}

export interface BodyConfig {
  readonly template: string;
  readonly contentType: string;
}

/** An empty template is an empty body, also where the type is JSON. */
export function compileBody({ template, contentType }: BodyConfig): Compiled {
  if (template === '') return { template: { render: () => '' } };
  return ENGINE.compile(template, { format: isJson(contentType) ? 'json' : 'text' });
}

export function templateValues(event: TriggerEvent, rule: RuleIdentity): Record<string, unknown> {
  const { id, source, key, change, changedKeys = [], revision, observedAtMs, data } = event;
  const time = new Date(observedAtMs);
  return {
    event: {
      id,
      source,
      key,
      change,
      changedKeys: changedKeys.slice(0, MAX_CHANGED_KEYS),
      revision,
      time,
      data: plain(data),
    },
    rule: { namespace: rule.namespace, name: rule.name },
  };
}

/** A source's data as JSON has it: no class, no getter, no function gets into an expression. */
function plain(data: unknown): Record<string, unknown> {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return {};
  return JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
}
