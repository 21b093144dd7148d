import type { RuleIdentity, TriggerEvent } from '@kube-trigger/core';

export interface CloudEventOptions {
  readonly mode: 'structured' | 'binary';
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  /** A request without a body: binary mode, attributes only. */
  readonly withoutData: boolean;
}

export interface Content {
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: none. */
  readonly body: string | undefined;
}

export const TYPE_PREFIX = 'com.example.app.trigger';

/**
 * The event as an HTTP message of CloudEvents 1.0. What happened and where, never contents: `data` holds names and digests. A
 * repetition has the same `id` and `source`, which is what receivers deduplicate by.
 */
export function cloudEvent(event: TriggerEvent, rule: RuleIdentity, options: CloudEventOptions): Content {
  const attributes = {
    specversion: '1.0',
    id: event.id,
    source: options.source ?? sourceOf(rule),
    type: options.type ?? `${TYPE_PREFIX}.${event.change}`,
    subject: event.key,
    time: new Date(event.observedAtMs).toISOString(),
  };
  const data = dataOf(event, rule);
  if (options.mode === 'structured') {
    const body = JSON.stringify({ ...attributes, datacontenttype: 'application/json', data });
    return { headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' }, body };
  }
  const headers = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`ce-${name}`, headerText(value)]),
  );
  if (options.withoutData) return { headers, body: undefined };
  return { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(data) };
}

/** Where the rule is in the Kubernetes API, which makes `source` + `id` unique in a cluster. */
function sourceOf({ namespace, name }: RuleIdentity): string {
  return `/apis/app.example.com/v1alpha1/namespaces/${namespace}/triggerrules/${name}`;
}

function dataOf({ key, change, changedKeys, revision, source }: TriggerEvent, rule: RuleIdentity): object {
  return {
    key,
    change,
    ...(changedKeys === undefined ? {} : { changedKeys }),
    revision,
    source,
    rule: { namespace: rule.namespace, name: rule.name },
  };
}

/** Percent-encoding of the HTTP binding (§3.1.3.2): all but visible ASCII, and `"` and `%`. */
function headerText(value: string): string {
  return value.replaceAll(/[^\x21\x23\x24\x26-\x7e]+/g, (part) =>
    [...Buffer.from(part)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
