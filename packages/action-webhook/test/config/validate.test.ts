import { validateConfig } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { webhook, WebhookConfig } from '../../src/index.js';

/** As the host does it: schema first, then the plugin's own checks. */
function issuesOf(config: object): string[] {
  const checked = validateConfig(WebhookConfig, config, 'webhook');
  if (checked.issues !== undefined) {
    return checked.issues.map(({ path, message }) => `${path.replace(/^webhook\.?/, '')}: ${message}`);
  }
  return (webhook.validate?.(checked.value) ?? []).map(({ path, message }) => `${path}: ${message}`);
}

const url = 'https://hooks.example.com/in';
const serviceRef = { name: 'app', port: 80 };
const pods = { selector: { matchLabels: { app: 'web' } }, port: 8080 };
const secretKeyRef = { name: 'hooks', key: 'token' };

describe('accepts', () => {
  it.each<[string, object]>([
    ['a URL', { url }],
    ['a URL with port, path and query', { url: 'http://127.0.0.1:8080/a/b?c=d' }],
    ['a URL in a Secret', { urlFrom: { secretKeyRef } }],
    ['a Service', { serviceRef }],
    [
      'a Service with a named port',
      { serviceRef: { ...serviceRef, namespace: 'other', port: 'http', path: '/-/reload?x=1' } },
    ],
    ['pods', { pods }],
    ['all pods of a namespace', { pods: { selector: {}, port: 'reload' } }],
    ['pods over https', { pods: { ...pods, scheme: 'https' }, tls: { serverName: 'web.shop.svc' } }],
    [
      'headers',
      {
        url,
        headers: [
          { name: 'X-A', value: '' },
          { name: 'X-B', valueFrom: { configMapKeyRef: secretKeyRef } },
        ],
      },
    ],
    ['a binary CloudEvent', { url, cloudEvents: { mode: 'binary', type: 'a.b', source: '//shop/rules?x' } }],
    ['GET', { url, method: 'GET' }],
    ['an empty body', { url, body: { template: '' } }],
    ['a JSON body', { url, body: { template: '{"text": "${event.key}", "keys": ${event.changedKeys}}' } }],
    [
      'a text body',
      { url, body: { template: '${rule.name}: ${event.key}', contentType: 'text/plain; charset=utf-8' } },
    ],
    ['codes', { url, successCodes: ['200', '202-204', '304'], retryCodes: [] }],
    ['link-local when asked for', { url: 'http://169.254.169.254/', allowLinkLocal: true }],
    ['redirects', { url, followRedirects: 5 }],
    ['waiting for pods', { pods, waitForMount: {} }],
    ['waiting for the clock', { url, waitForMount: { afterSeconds: 120 } }],
  ])('%s', (_, config) => {
    expect(issuesOf(config)).toEqual([]);
  });
});

const REFUSED: [name: string, config: object, issue: string][] = [
  ['no target', {}, ': needs exactly one of url, urlFrom, serviceRef, pods'],
  ['two targets', { url, serviceRef }, ': has url and serviceRef; keep one of them'],
  ['three targets', { url, serviceRef, pods }, ': has url and serviceRef and pods; keep one of them'],
  ['an unknown field', { url, verb: 'POST' }, 'verb: is not a known field'],
  ['a misspelt field', { url, methd: 'POST' }, 'methd: is not a known field; did you mean "method"?'],
  ['an unverified TLS', { url, tls: { insecureSkipVerify: true } }, 'tls.insecureSkipVerify: is not a known field'],
  ['an empty URL', { url: '' }, 'url: is not a URL'],
  ['a URL without scheme', { url: 'hooks.example.com/in' }, 'url: is not a URL; write http(s)://host[:port]/path'],
  ['a scheme without slashes', { url: 'https:hooks.example.com' }, 'url: is not written in full'],
  ['ftp', { url: 'ftp://example.com' }, 'url: has the scheme "ftp"; only http and https are spoken'],
  ['a file', { url: 'file:///etc/passwd' }, 'url: has the scheme "file"'],
  [
    'a password in the URL',
    { url: 'https://me:secret@example.com' },
    'url: has a user name or password; put them into headers[]',
  ],
  ['a user in the URL', { url: 'https://me@example.com' }, 'url: has a user name or password'],
  ['a fragment', { url: 'https://example.com/#a' }, 'url: has a fragment'],
  ['a line break in the URL', { url: 'https://example.com/\nx' }, 'url: has white space'],
  ['a blank at the end', { url: 'https://example.com/ ' }, 'url: has white space'],
  ['port 0', { url: 'http://example.com:0/' }, 'url: has port 0'],
  ['port 65536', { url: 'http://example.com:65536/' }, 'url: is not a URL'],
  [
    'the metadata address',
    { url: 'http://169.254.169.254/latest' },
    'url: cannot be asked, since it leads to 169.254.169.254, a link-local or metadata address',
  ],
  [
    'the metadata address in decimal',
    { url: 'http://2852039166/' },
    'url: cannot be asked, since it leads to 169.254.169.254, a link-local or metadata address; set allowLinkLocal',
  ],
  [
    'the metadata address in hex',
    { url: 'http://0xa9.0xfe.0xa9.0xfe/' },
    'url: cannot be asked, since it leads to 169.254.169.254, a link-local or metadata address; set allowLinkLocal',
  ],
  [
    'the metadata address in IPv6',
    { url: 'http://[::ffff:169.254.169.254]/' },
    'url: cannot be asked, since it leads to ::ffff:a9fe:a9fe, a link-local or metadata address; set allowLinkLocal',
  ],
  [
    'a multicast address',
    { url: 'http://224.0.0.1/', allowLinkLocal: true },
    'url: cannot be asked, since it leads to 224.0.0.1, which is no address of a single host',
  ],
  [
    'the unspecified address',
    { url: 'http://0.0.0.0/' },
    'url: cannot be asked, since it leads to 0.0.0.0, which is no address',
  ],
  ['urlFrom without reference', { urlFrom: {} }, 'urlFrom: needs exactly one of secretKeyRef, configMapKeyRef'],
  [
    'urlFrom with two',
    { urlFrom: { secretKeyRef, configMapKeyRef: secretKeyRef } },
    'urlFrom: has secretKeyRef and configMapKeyRef; keep',
  ],
  [
    'a reference to another namespace',
    { urlFrom: { secretKeyRef: { ...secretKeyRef, namespace: 'x' } } },
    'urlFrom.secretKeyRef.namespace: is not a known field',
  ],
  ['a Service without port', { serviceRef: { name: 'app' } }, 'serviceRef.port: is required'],
  ['a Service without name', { serviceRef: { port: 80 } }, 'serviceRef.name: is required'],
  [
    'a Service name that is none',
    { serviceRef: { name: 'App_1', port: 80 } },
    'serviceRef.name: "App_1" must match pattern',
  ],
  [
    'a namespace that is none',
    { serviceRef: { ...serviceRef, namespace: 'a.b' } },
    'serviceRef.namespace: "a.b" must match pattern',
  ],
  [
    'port number 0',
    { serviceRef: { name: 'app', port: 0 } },
    'serviceRef.port: 0 is not a port; write 1 to 65535 or a name',
  ],
  [
    'a quoted port number',
    { serviceRef: { name: 'app', port: '80' } },
    'serviceRef.port: "80" is not a port; a number has no quotes',
  ],
  ['half a port', { pods: { ...pods, port: 80.5 } }, 'pods.port: 80.5 is not a port'],
  ['a port name that is none', { pods: { ...pods, port: 'My Port' } }, 'pods.port: "My Port" is not a port'],
  ['a port that is null', { pods: { ...pods, port: null } }, 'pods.port: null is not a port'],
  [
    'a relative path',
    { serviceRef: { ...serviceRef, path: 'reload' } },
    'serviceRef.path: "reload" does not begin with "/"',
  ],
  [
    'a path that is a host',
    { serviceRef: { ...serviceRef, path: '.evil.com/' } },
    'serviceRef.path: ".evil.com/" does not begin with "/"',
  ],
  ['a path with a fragment', { pods: { ...pods, path: '/a#b' } }, 'pods.path: has a fragment'],
  [
    'an unknown scheme',
    { serviceRef: { ...serviceRef, scheme: 'ftp' } },
    'serviceRef.scheme: "ftp" is not one of http, https',
  ],
  ['pods without selector', { pods: { port: 80 } }, 'pods.selector: is required'],
  [
    'a label that is none',
    { pods: { ...pods, selector: { matchLabels: { 'a b': 'c' } } } },
    'pods.selector.matchLabels["a b"]: "a b" is not a label',
  ],
  [
    'a label value that is none',
    { pods: { ...pods, selector: { matchLabels: { a: 'c d' } } } },
    'pods.selector.matchLabels["a"]: "c d" is not a label value',
  ],
  [
    'In without values',
    { pods: { ...pods, selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } },
    'pods.selector.matchExpressions[0].values: is empty',
  ],
  [
    'Exists with values',
    { pods: { ...pods, selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } } },
    'pods.selector.matchExpressions[0].values: must be left out',
  ],
  ['a method in small letters', { url, method: 'post' }, 'method: "post" is not one of POST, PUT, PATCH, DELETE, GET'],
  ['CONNECT', { url, method: 'CONNECT' }, 'method: "CONNECT" is not one of'],
  [
    'a header name with a colon',
    { url, headers: [{ name: 'X:', value: '' }] },
    'headers[0].name: "X:" is not a header name',
  ],
  [
    'Host',
    { url, headers: [{ name: 'Host', value: 'x' }] },
    'headers[0].name: "Host" cannot be set: it follows from the target',
  ],
  [
    'Content-Type',
    { url, headers: [{ name: 'content-type', value: 'x' }] },
    'headers[0].name: "content-type" cannot be set: it is body.contentType',
  ],
  [
    'Transfer-Encoding',
    { url, headers: [{ name: 'Transfer-Encoding', value: 'chunked' }] },
    'headers[0].name: "Transfer-Encoding" cannot be set',
  ],
  [
    'a signature of one’s own',
    { url, headers: [{ name: 'webhook-signature', value: 'x' }] },
    'headers[0].name: "webhook-signature" cannot be set',
  ],
  [
    'an attribute beside a CloudEvent',
    { url, headers: [{ name: 'ce-id', value: 'x' }] },
    'headers[0].name: "ce-id" is set by cloudEvents',
  ],
  [
    'a header twice',
    {
      url,
      headers: [
        { name: 'A', value: '1' },
        { name: 'a', value: '2' },
      ],
    },
    'headers[1].name: repeats "a"',
  ],
  ['a header without value', { url, headers: [{ name: 'A' }] }, 'headers[0]: needs exactly one of value, valueFrom'],
  [
    'a header with both',
    { url, headers: [{ name: 'A', value: '', valueFrom: { secretKeyRef } }] },
    'headers[0]: has value and valueFrom; keep one of them',
  ],
  [
    'a header from nowhere',
    { url, headers: [{ name: 'A', valueFrom: {} }] },
    'headers[0].valueFrom: needs exactly one of',
  ],
  [
    'a line break in a header',
    { url, headers: [{ name: 'A', value: 'a\r\nB: c' }] },
    'headers[0].value: has characters',
  ],
  [
    'a reference without key',
    { url, headers: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'a' } } }] },
    'headers[0].valueFrom.secretKeyRef.key: is required',
  ],
  [
    'body and cloudEvents',
    { url, body: { template: '{}' }, cloudEvents: {} },
    ': has cloudEvents and body; keep one of them',
  ],
  ['GET with a body', { url, method: 'GET', body: { template: '{}' } }, 'body: cannot be sent with GET'],
  [
    'GET with a structured event',
    { url, method: 'GET', cloudEvents: { mode: 'structured' } },
    'cloudEvents.mode: "structured" needs a body',
  ],
  [
    'an unknown mode',
    { url, cloudEvents: { mode: 'batch' } },
    'cloudEvents.mode: "batch" is not one of structured, binary',
  ],
  ['a source with blanks', { url, cloudEvents: { source: 'a b' } }, 'cloudEvents.source: "a b" is not a URI reference'],
  [
    'a type with blanks',
    { url, cloudEvents: { type: 'a b' } },
    'cloudEvents.type: has characters other than visible ASCII',
  ],
  [
    'a media type that is none',
    { url, body: { template: '', contentType: 'json' } },
    'body.contentType: "json" is not a media type',
  ],
  [
    'a media type with a header in it',
    { url, body: { template: '', contentType: 'a/b\r\nX: y' } },
    'body.contentType: ',
  ],
  [
    'a template with an unknown field',
    { url, body: { template: '{"a": "${event.vlue}"}' } },
    'body.template: line 1, column 16: "event.vlue": No such key: vlue',
  ],
  [
    'a template that wants contents',
    { url, body: { template: '"${event.object.data}"' } },
    'body.template: line 1, column 10: "event.object.data": No such key: object',
  ],
  [
    'a template that is no JSON',
    { url, body: { template: 'changed: ${event.key}' } },
    'body.template: line 1, column 22: is not JSON',
  ],
  [
    'a signature from a ConfigMap',
    { url, signature: { configMapKeyRef: secretKeyRef } },
    'signature.secretKeyRef: is required',
  ],
  ['TLS without https', { url: 'http://example.com', tls: {} }, 'tls: is for https, but the target is http'],
  ['TLS for a plain Service', { serviceRef, tls: { serverName: 'app' } }, 'tls: is for https, but the target is http'],
  [
    'an empty CA bundle',
    { url, tls: { caBundle: {} } },
    'tls.caBundle: needs exactly one of pem, secretKeyRef, configMapKeyRef',
  ],
  [
    'two CA bundles',
    { url, tls: { caBundle: { pem: 'x', configMapKeyRef: secretKeyRef } } },
    'tls.caBundle: has pem and configMapKeyRef; keep one of them',
  ],
  [
    'a CA bundle that is none',
    { url, tls: { caBundle: { pem: 'x' } } },
    'tls.caBundle.pem: is not a list of PEM certificates',
  ],
  [
    'a broken certificate',
    { url, tls: { caBundle: { pem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' } } },
    'tls.caBundle.pem: is not a list',
  ],
  [
    'a server name that is an address',
    { url, tls: { serverName: '10.0.0.1' } },
    'tls.serverName: "10.0.0.1" is not a host name',
  ],
  ['a status that is a word', { url, successCodes: ['ok'] }, 'successCodes[0]: "ok" must match pattern'],
  ['a status that is a number', { url, successCodes: [200] }, 'successCodes[0]: 200 must be string'],
  [
    'a range upside down',
    { url, successCodes: ['299-200'] },
    'successCodes[0]: "299-200" is empty; write the lower number first',
  ],
  ['an informational status', { url, retryCodes: ['100-199'] }, 'retryCodes[0]: "100-199" has statuses below 200'],
  ['too many redirects', { url, followRedirects: 6 }, 'followRedirects: 6 must be <= 5'],
  [
    'looking into a URL',
    { url, waitForMount: {} },
    'waitForMount: looks into pods, but the target is none; write pods, or waitForMount.afterSeconds',
  ],
  ['no time to wait', { url, waitForMount: { afterSeconds: 0 } }, 'waitForMount.afterSeconds: 0 must be >= 1'],
  ['redirects as a word', { url, followRedirects: 'yes' }, 'followRedirects: "yes" must be integer'],
];

describe('refuses with path and fix', () => {
  it.each(REFUSED)('%s', (_, config, issue) => {
    expect(issuesOf(config)).toContainEqual(expect.stringContaining(issue));
  });

  it('says all at once', () => {
    const config = {
      serviceRef: { name: 'a', port: 0, path: 'x' },
      headers: [{ name: 'Host', value: 'ä' }],
      retryCodes: ['500-400'],
    };
    expect(issuesOf({ ...config, tls: { serverName: '-' } })).toHaveLength(7);
    expect(issuesOf({ ...config, url: 'ftp://x', headers: [{ name: 'A' }] })).toHaveLength(2);
  });

  it('never quotes a URL with a password', () => {
    expect(issuesOf({ url: 'https://me:hunter2@example.com' }).join()).not.toContain('hunter2');
  });
});
