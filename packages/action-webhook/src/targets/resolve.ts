import type { TriggerError } from '@kube-trigger/core';
import {
  type KubeClient,
  type KubeObject,
  labelSelectorText,
  type Pod,
  readyPods,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import type { PodsTarget, ServiceTarget, WebhookConfig } from '../config/schema.js';
import { isKubeNotFound, webhookError } from '../errors.js';
import { describeSource, type References } from './references.js';
import { parseWebUrl, shown } from './web-url.js';

export interface Target {
  /** How results and messages name it: `Pod/shop/web-0`, or a URL's origin and path. Never its query. */
  readonly name: string;
  /** Tells it from its successors of the same name: a pod's uid. */
  readonly id: string;
  /** Undefined when it has no address; `problem` says why. */
  readonly url: URL | undefined;
  /** Set for one of `pods`. */
  readonly pod?: Pod;
  readonly problem?: TriggerError;
}

export interface Surroundings {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly references: References;
}

/** Whom to tell, as of now. Asks the Kubernetes API only. */
export async function resolveTargets(config: WebhookConfig, around: Surroundings): Promise<readonly Target[]> {
  if (config.pods !== undefined) return podTargets(config.pods, around);
  if (config.serviceRef !== undefined) return [await serviceTarget(config.serviceRef, around)];
  if (config.urlFrom !== undefined) return [await secretTarget(config.urlFrom, around)];
  const url = new URL(config.url ?? '');
  return [{ name: shown(url), id: '', url }];
}

/** Where the URL itself is a secret (chat services), its path is one too. */
async function secretTarget(source: NonNullable<WebhookConfig['urlFrom']>, around: Surroundings): Promise<Target> {
  const { url, issue } = parseWebUrl(await around.references.text(source));
  if (url !== undefined) return { name: `${url.origin}/...`, id: '', url };
  throw webhookError('KT_WEBHOOK_URL_INVALID', `the URL in ${describeSource(source)} ${issue}`, {
    retry: 'backoff',
    fix: 'Correct the value of that key',
  });
}

interface Service extends KubeObject {
  readonly spec?: {
    readonly type?: string;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
  };
}

/** A numbered port needs no look at the Service: its DNS name is known. */
async function serviceTarget(target: ServiceTarget, around: Surroundings): Promise<Target> {
  const port = typeof target.port === 'number' ? target.port : await servicePort(target, around);
  const { scheme, name, path, namespace = around.namespace } = target;
  const url = new URL(`${scheme}://${name}.${namespace}.svc:${port}${path}`);
  return { name: shown(url), id: '', url };
}

/** The number of the Service's port. Rejects when there is no such Service or port. */
export async function servicePort(target: ServiceTarget, { kube, signal, ...around }: Surroundings): Promise<number> {
  const { name, port, namespace = around.namespace } = target;
  const service = await kube
    .get<Service>({ resource: WELL_KNOWN.Service, namespace, name }, { signal })
    .catch((thrown: unknown) => {
      if (!isKubeNotFound(thrown)) throw thrown;
      throw webhookError('KT_WEBHOOK_SERVICE_NOT_FOUND', `Service ${namespace}/${name} does not exist`, {
        retry: 'backoff',
        fix: 'Create it, or correct serviceRef',
      });
    });
  const { type, ports = [] } = service.spec ?? {};
  // An ExternalName is only a name in DNS; it need not declare its ports.
  if (type === 'ExternalName' && typeof port === 'number') return port;
  const tcp = ports.filter(({ protocol }) => protocol === undefined || protocol === 'TCP');
  const found = tcp.find((candidate) => candidate.port === port || candidate.name === port);
  if (found !== undefined) return found.port;
  const known = tcp.map((one) => (one.name === undefined ? String(one.port) : `${one.port} (${one.name})`));
  throw webhookError(
    'KT_WEBHOOK_SERVICE_NOT_FOUND',
    `Service ${namespace}/${name} has no TCP port ${JSON.stringify(port)}`,
    {
      retry: 'backoff',
      fix: known.length === 0 ? 'It has none; add one' : `Use one of its own: ${known.join(', ')}`,
    },
  );
}

async function podTargets(target: PodsTarget, { kube, signal, ...around }: Surroundings): Promise<Target[]> {
  const { selector, namespace = around.namespace } = target;
  const { ready, all } = await readyPods(kube, { namespace, labelSelector: labelSelectorText(selector), signal });
  const reachable = ready.filter(({ status }) => (status?.podIP ?? '') !== '');
  if (reachable.length === 0) {
    throw webhookError('KT_WEBHOOK_NO_READY_PODS', `none of ${all} matching pods in ${namespace} is ready`, {
      retry: 'backoff',
      fix: all === 0 ? 'Correct pods.selector or pods.namespace, or start the pods' : 'Look at the pods',
    });
  }
  return reachable.map((pod) => podTarget(pod, target));
}

function podTarget(pod: Pod, { port, path, scheme }: PodsTarget): Target {
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  const named = { name: `Pod/${namespace}/${name}`, id: uid, pod };
  const number = typeof port === 'number' ? port : containerPort(pod, port);
  if (number === undefined) {
    const problem = webhookError('KT_WEBHOOK_PORT_NOT_FOUND', `no container has a TCP port named "${port}"`, {
      retry: 'never',
      fix: 'Name the port in the pod template, or write its number',
    });
    return { ...named, url: undefined, problem };
  }
  const ip = pod.status?.podIP ?? '';
  return { ...named, url: new URL(`${scheme}://${ip.includes(':') ? `[${ip}]` : ip}:${number}${path}`) };
}

/** Sidecars are init containers that stay. */
function containerPort({ spec }: Pod, name: string): number | undefined {
  const ports = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ ports: own = [] }) => own);
  return ports.find((port) => port.name === name && (port.protocol ?? 'TCP') === 'TCP')?.containerPort;
}
