import type { InjectionToken } from 'tsyringe';
import type { Resolve } from './http/guard.js';

/** What the one who runs the operator says about where webhooks may go. Rules cannot change it. */
export interface WebhookNetwork {
  /**
   * Whether targets may have loopback addresses. They are the operator's own pod (its metrics, its sidecars), so: default false. For
   * development, where targets run beside the operator.
   */
  readonly allowLoopback?: boolean;
  /** Whether a rule's `allowLinkLocal` counts. Default true. */
  readonly honourAllowLinkLocal?: boolean;
  /** Names to addresses. Default: the system's resolver. */
  readonly resolve?: Resolve;
}

/** Optional: without it the defaults hold. */
export const WebhookNetworkToken: InjectionToken<WebhookNetwork> = Symbol.for('kube-trigger.WebhookNetwork');
