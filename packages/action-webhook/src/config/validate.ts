import { isIP } from 'node:net';
import type { ConfigIssue } from '@kube-trigger/core';
import { looksIntoMounts, selectorIssues } from '@kube-trigger/kube';
import { refusal } from '../http/address.js';
import { boundsOf } from '../http/codes.js';
import { isPem } from '../http/pem.js';
import { compileBody, isMediaType } from '../message/body-template.js';
import { hostOf, parseWebUrl } from '../targets/web-url.js';
import type { WebhookConfig } from './schema.js';
import { headerIssues } from './validate-headers.js';

/** What the schema cannot say: URLs, ports, header names, certificates, templates. */
export function validateWebhook(config: WebhookConfig): ConfigIssue[] {
  return [
    ...targetIssues(config),
    ...headerIssues(config),
    ...bodyIssues(config),
    ...tlsIssues(config),
    ...codeIssues(config.successCodes, 'successCodes'),
    ...codeIssues(config.retryCodes, 'retryCodes'),
  ];
}

function targetIssues(config: WebhookConfig): ConfigIssue[] {
  const { url, serviceRef, pods, waitForMount } = config;
  const issues: ConfigIssue[] = [];
  if (pods === undefined && looksIntoMounts(waitForMount)) {
    const message = 'looks into pods, but the target is none; write pods, or waitForMount.afterSeconds';
    issues.push({ path: 'waitForMount', message });
  }
  if (url !== undefined) issues.push(...urlIssues(url, config));
  if (serviceRef !== undefined) issues.push(...endpointIssues(serviceRef, 'serviceRef'));
  if (pods !== undefined) {
    issues.push(...endpointIssues(pods, 'pods'), ...selectorIssues(pods.selector, 'pods.selector'));
  }
  return issues;
}

function urlIssues(text: string, { allowLinkLocal }: WebhookConfig): ConfigIssue[] {
  const { url, issue } = parseWebUrl(text);
  if (url === undefined) return [{ path: 'url', message: issue }];
  // Names are looked up when a request is made; whether loopback may be asked is the operator's to say.
  const host = hostOf(url);
  const refused = isIP(host) > 0 ? refusal(host, { loopback: true, linkLocal: allowLinkLocal }) : undefined;
  return refused === undefined
    ? []
    : [
        {
          path: 'url',
          message: `cannot be asked, since it ${refused.why}; ${refused.fix.charAt(0).toLowerCase()}${refused.fix.slice(1)}`,
        },
      ];
}

interface Endpoint {
  readonly port: unknown;
  readonly path: string;
}

function endpointIssues({ port, path }: Endpoint, at: string): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const numbered = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
  const named = typeof port === 'string' && /^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(port);
  if (!numbered && !named) {
    const hint =
      typeof port === 'string' && /^\d+$/.test(port) ? 'a number has no quotes' : 'write 1 to 65535 or a name';
    issues.push({ path: `${at}.port`, message: `${JSON.stringify(port)} is not a port; ${hint}` });
  }
  const { issue } = parseWebUrl(`http://host${path}`);
  if (!path.startsWith('/')) issues.push({ path: `${at}.path`, message: `"${path}" does not begin with "/"` });
  else if (issue !== undefined) issues.push({ path: `${at}.path`, message: issue });
  return issues;
}

function bodyIssues(config: WebhookConfig): ConfigIssue[] {
  const { body, cloudEvents, method } = config;
  const issues: ConfigIssue[] = [];
  if (method === 'GET' && body !== undefined) {
    issues.push({ path: 'body', message: 'cannot be sent with GET; use POST, PUT or PATCH' });
  }
  if (method === 'GET' && cloudEvents?.mode === 'structured') {
    issues.push({ path: 'cloudEvents.mode', message: '"structured" needs a body, which GET has not; write binary' });
  }
  // Any character of a URI reference (RFC 3986).
  if (cloudEvents?.source !== undefined && !/^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/.test(cloudEvents.source)) {
    issues.push({ path: 'cloudEvents.source', message: `"${cloudEvents.source}" is not a URI reference` });
  }
  if (cloudEvents?.type !== undefined && !/^[\x21-\x7e]+$/.test(cloudEvents.type)) {
    issues.push({ path: 'cloudEvents.type', message: 'has characters other than visible ASCII' });
  }
  if (body !== undefined && !isMediaType(body.contentType)) {
    issues.push({ path: 'body.contentType', message: `"${body.contentType}" is not a media type; e.g. text/plain` });
  } else if (body !== undefined) {
    const { issue } = compileBody(body);
    if (issue !== undefined) issues.push({ path: 'body.template', message: issue });
  }
  return issues;
}

function tlsIssues({ tls, url, serviceRef, pods }: WebhookConfig): ConfigIssue[] {
  if (tls === undefined) return [];
  const issues: ConfigIssue[] = [];
  const plain = (url !== undefined && /^http:/i.test(url)) || (serviceRef ?? pods)?.scheme === 'http';
  if (plain)
    issues.push({ path: 'tls', message: 'is for https, but the target is http; change the scheme or remove tls' });
  const { caBundle, serverName } = tls;
  if (caBundle?.pem !== undefined && !isPem(caBundle.pem))
    issues.push({ path: 'tls.caBundle.pem', message: 'is not a list of PEM certificates' });
  if (
    serverName !== undefined &&
    (isIP(serverName) > 0 || !/^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(serverName))
  ) {
    issues.push({ path: 'tls.serverName', message: `"${serverName}" is not a host name` });
  }
  return issues;
}

function codeIssues(ranges: readonly string[], path: string): ConfigIssue[] {
  return ranges.flatMap((range, index) => {
    const [low, high] = boundsOf(range);
    if (low < 200)
      return [{ path: `${path}[${index}]`, message: `"${range}" has statuses below 200, which end nothing` }];
    return low <= high
      ? []
      : [{ path: `${path}[${index}]`, message: `"${range}" is empty; write the lower number first` }];
  });
}
