import { isIP } from 'node:net';
import {
  type Action,
  type ActionContext,
  type ActionResult,
  type Delivery,
  type TriggerError,
} from '@kube-trigger/core';
import {
  FanOut,
  type KubeClient,
  KubeClientToken,
  looksIntoMounts,
  MountWatch,
  mustExec,
  type Pod,
} from '@kube-trigger/kube';
import { inject, injectable } from 'tsyringe';
import type { WebhookConfig } from './config/schema.js';
import { webhookError } from './errors.js';
import { type AddressPolicy, refusal } from './http/address.js';
import { Connections, type TlsMaterial } from './http/connections.js';
import { send } from './http/send.js';
import { compose, materialOf, type Message } from './message/compose.js';
import { type WebhookNetwork, WebhookNetworkToken } from './network.js';
import { References } from './targets/references.js';
import { resolveTargets, servicePort, type Surroundings, type Target } from './targets/resolve.js';
import { tlsMaterial } from './targets/tls-material.js';
import { hostOf } from './targets/web-url.js';

/** Pods that are told at the same time. */
const PARALLEL = 16;

interface Attempt {
  readonly config: WebhookConfig;
  readonly message: Message;
  readonly tls: TlsMaterial;
  readonly context: ActionContext;
  /** Pods that are not told, because they do not see what they should. */
  readonly blind: ReadonlyMap<Pod, TriggerError>;
}

/**
 * Makes one HTTP request per target. Every repetition of a delivery carries the same id; targets that accepted it before are not asked
 * again as long as this instance lives. Secrets are read for each attempt and kept no longer, except for TLS keys, which live as long
 * as their connections.
 */
@injectable()
export class WebhookAction implements Action<WebhookConfig> {
  readonly #connections: Connections;
  readonly #fanOut = new FanOut({
    podsFailed: 'KT_WEBHOOK_PODS_FAILED',
    doneBefore: 'accepted an earlier attempt',
  });
  readonly #mounts: MountWatch;

  constructor(
    @inject(KubeClientToken) private readonly kube: KubeClient,
    @inject(WebhookNetworkToken, { isOptional: true }) private readonly network: WebhookNetwork = {},
  ) {
    this.#connections = new Connections(network.resolve);
    this.#mounts = new MountWatch(kube);
  }

  async run(config: WebhookConfig, delivery: Delivery, context: ActionContext): Promise<ActionResult> {
    context.signal.throwIfAborted();
    const around = this.#around(context);
    const targets = await resolveTargets(config, around);
    const pods = targets.flatMap(({ pod }) => pod ?? []);
    const mounted = await this.#mounts.ask(config.waitForMount, { pods, delivery, context });
    if ('waiting' in mounted) return mounted.waiting;
    const message = compose(config, await materialOf(config, around.references), { delivery, context });
    const tls = await tlsMaterial(config.tls, around.references);
    const attempt = { config, message, tls, context, blind: mounted.blind };
    const round = { targets, parallelism: PARALLEL, delivery, signal: context.signal };
    return this.#fanOut.run(round, (target) => this.#send(target, attempt));
  }

  /** Everything that the message is made of is there. Makes no connection to a target. */
  async check(config: WebhookConfig, context: ActionContext): Promise<void> {
    context.signal.throwIfAborted();
    const around = this.#around(context);
    if (config.serviceRef !== undefined) await servicePort(config.serviceRef, around);
    for (const target of await resolveTargets(config, around)) {
      if (target.problem !== undefined) throw target.problem;
      this.#refuseLiteral(target, config);
    }
    await materialOf(config, around.references);
    await tlsMaterial(config.tls, around.references);
    if (looksIntoMounts(config.waitForMount)) {
      await mustExec(this.kube, { ...around, namespace: config.pods?.namespace ?? around.namespace });
    }
  }

  /** Ends requests that are under way and closes every socket. */
  dispose(): Promise<void> {
    return this.#connections.close();
  }

  /** Sockets that are open or being opened: for tests and metrics. */
  get openSockets(): number {
    return this.#connections.openSockets;
  }

  #around({ rule, signal }: ActionContext): Surroundings {
    const { kube } = this;
    return { kube, namespace: rule.namespace, signal, references: new References(kube, rule.namespace, signal) };
  }

  #policy({ allowLinkLocal }: WebhookConfig): AddressPolicy {
    const { allowLoopback = false, honourAllowLinkLocal = true } = this.network;
    return { loopback: allowLoopback, linkLocal: allowLinkLocal && honourAllowLinkLocal };
  }

  /** Names are looked up when the connection is made; an address in the URL is known before. */
  #refuseLiteral({ url, name }: Target, config: WebhookConfig): void {
    const host = url === undefined ? '' : hostOf(url);
    const refused = isIP(host) > 0 ? refusal(host, this.#policy(config)) : undefined;
    if (refused === undefined) return;
    const { why, fix } = refused;
    throw webhookError('KT_WEBHOOK_ADDRESS_REFUSED', `${name} ${why}`, { retry: 'never', fix });
  }

  async #send({ url, problem, pod }: Target, { config, message, tls, context, blind }: Attempt): Promise<string> {
    const unseen = pod && blind.get(pod);
    if (unseen !== undefined) throw unseen;
    if (url === undefined) throw problem ?? new TypeError('a target without a URL');
    const dispatcher = this.#connections.dispatcher({ tls, policy: this.#policy(config) });
    const { signal, scheduler } = context;
    return `answered ${await send(url, message, { dispatcher, signal, scheduler, manners: config })}`;
  }
}
