import type { ConfigIssue } from '@kube-trigger/core';
import type { HeaderConfig, WebhookConfig } from './schema.js';

/** Headers that the connection or the message itself decides. */
const OWN: Readonly<Record<string, string>> = {
  host: 'it follows from the target',
  connection: 'it belongs to the connection',
  'keep-alive': 'it belongs to the connection',
  'proxy-connection': 'it belongs to the connection',
  te: 'it belongs to the connection',
  trailer: 'it belongs to the connection',
  'transfer-encoding': 'it follows from the body',
  upgrade: 'it belongs to the connection',
  expect: 'bodies are small and sent at once',
  'content-length': 'it follows from the body',
  'content-type': 'it is body.contentType, or that of a CloudEvent',
  'webhook-id': 'it is the id of the delivery',
  'webhook-timestamp': 'signature sets it',
  'webhook-signature': 'signature sets it',
};

/** A token of RFC 9110. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function headerIssues({ headers, body }: WebhookConfig): ConfigIssue[] {
  return headers.flatMap((header, index) => {
    const path = `headers[${index}]`;
    const issues = [...nameIssues(header.name, `${path}.name`), ...valueIssues(header, path)];
    const lower = header.name.toLowerCase();
    if (headers.findIndex((other) => other.name.toLowerCase() === lower) < index) {
      issues.push({ path: `${path}.name`, message: `repeats "${header.name}"; write its values into one` });
    }
    if (body === undefined && lower.startsWith('ce-')) {
      issues.push({ path: `${path}.name`, message: `"${header.name}" is set by cloudEvents; choose another name` });
    }
    return issues;
  });
}

function nameIssues(name: string, path: string): ConfigIssue[] {
  if (!NAME.test(name)) return [{ path, message: `"${name}" is not a header name; letters, digits and "-"` }];
  const own = Object.entries(OWN).find(([key]) => key === name.toLowerCase());
  return own === undefined ? [] : [{ path, message: `"${name}" cannot be set: ${own[1]}` }];
}

function valueIssues({ value }: HeaderConfig, path: string): ConfigIssue[] {
  if (isHeaderValue(value ?? '')) return [];
  return [{ path: `${path}.value`, message: 'has characters that a header cannot hold; use printable ASCII' }];
}

/** Printable ASCII and tabs: what every server reads in the same way. */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(value);
}
