import type { ConfiguredRbacRule } from '@kube-trigger/core';
import { looksIntoMounts, MOUNT_RBAC, NAMESPACE_IN_CEL } from '@kube-trigger/kube';
import type { WebhookConfig } from './schema.js';

/** What one config reads: its Service or its pods, and the Secrets and ConfigMaps that it names. */
export function rbacForWebhook(config: WebhookConfig): ConfiguredRbacRule[] {
  const { serviceRef, pods, waitForMount } = config;
  const rules: ConfiguredRbacRule[] = [];
  if (serviceRef !== undefined) rules.push({ ...get('services', [serviceRef.name]), ...within(serviceRef) });
  if (pods !== undefined) rules.push({ apiGroups: [''], resources: ['pods'], verbs: ['list'], ...within(pods) });
  if (pods !== undefined && looksIntoMounts(waitForMount)) {
    rules.push({ apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'], ...within(pods) });
    rules.push({ ...MOUNT_RBAC, ...within(pods) });
  }
  const { secrets, configMaps } = namedIn(config);
  if (secrets.size > 0) rules.push(get('secrets', [...secrets]));
  if (configMaps.size > 0) rules.push(get('configmaps', [...configMaps]));
  return rules;
}

function get(plural: string, resourceNames: readonly string[]): ConfiguredRbacRule {
  return { apiGroups: [''], resources: [plural], verbs: ['get'], resourceNames: resourceNames.toSorted() };
}

function within({ namespace }: { readonly namespace?: string }): { namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

/** References stand at several depths; they are told by their field's name. */
function namedIn(config: WebhookConfig): { secrets: Set<string>; configMaps: Set<string> } {
  const secrets = new Set<string>();
  const configMaps = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [field, inner] of Object.entries(value)) {
      if (field === 'secretKeyRef') secrets.add((inner as { name: string }).name);
      else if (field === 'configMapKeyRef') configMaps.add((inner as { name: string }).name);
      else if (field === 'secretName') secrets.add(String(inner));
      else walk(inner);
    }
  };
  walk(config);
  return { secrets, configMaps };
}

const at = (target: string) => NAMESPACE_IN_CEL.replaceAll('config.', `config.${target}.`);

/** The same for whoever writes the rule. What they may reach over the network is not asked: Kubernetes does not know it. */
export const AUTHOR_RIGHTS = `
  (has(config.serviceRef) ? ['get||services||' + ${at('serviceRef')} + '|' + config.serviceRef.name] : []) +
  (has(config.pods) ? ['list||pods||' + ${at('pods')} + '|'] : []) +
  (has(config.pods) && has(config.waitForMount) && !has(config.waitForMount.afterSeconds)
    ? ['create||pods|exec|' + ${at('pods')} + '|'] : []) +
  (has(config.tls) && has(config.tls.clientCertificate)
    ? ['get||secrets||' + variables.home + '|' + config.tls.clientCertificate.secretName] : []) +
  ((has(config.urlFrom) ? [config.urlFrom] : []) +
    (has(config.headers) ? config.headers.filter(header, has(header.valueFrom)).map(header, header.valueFrom) : []) +
    (has(config.signature) ? [config.signature] : []) +
    (has(config.tls) && has(config.tls.caBundle) ? [config.tls.caBundle] : [])
  ).map(from,
    has(from.secretKeyRef) ? 'get||secrets||' + variables.home + '|' + from.secretKeyRef.name :
    has(from.configMapKeyRef) ? 'get||configmaps||' + variables.home + '|' + from.configMapKeyRef.name : '')`;
