import type { Logger } from '@kube-trigger/core';
import {
  type ClientStats,
  createKubeClient,
  impersonate,
  type KubeAuth,
  type KubeClient,
  KubeClientToken,
} from '@kube-trigger/kube';
import type { SchedulerLike } from 'rxjs';
import type { DependencyContainer } from 'tsyringe';

export interface IdentitiesOptions {
  readonly auth: KubeAuth;
  /** The operator's own client: what rules use that name no service account. */
  readonly own: KubeClient;
  /** What plugins may inject, with the operator's own client. */
  readonly container: DependencyContainer;
  readonly logger: Logger;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  /** Called as each request of any of them starts. */
  readonly onRequest?: () => void;
}

/** Whom a rule watches and acts as, until it is released. */
export interface Identity {
  readonly container: DependencyContainer;
  release(): Promise<void>;
}

interface Impersonated {
  readonly client: KubeClient;
  readonly container: DependencyContainer;
  users: number;
}

/**
 * One client per service account that rules act as, kept as long as a rule needs it. Watches, discovery and sockets belong to a client, so they
 * are never shared between identities. Rules themselves, their status, checkpoints, Events and the digest key stay the operator's own.
 */
export class Identities {
  readonly #impersonated = new Map<string, Impersonated>();

  constructor(private readonly options: IdentitiesOptions) {}

  /** Takes no request: whether the operator may impersonate shows with the first one that the rule makes. */
  acquire(namespace: string, serviceAccountName: string | undefined): Identity {
    if (serviceAccountName === undefined)
      return { container: this.options.container, release: () => Promise.resolve() };
    const user = `system:serviceaccount:${namespace}:${serviceAccountName}`;
    const identity = this.#impersonated.get(user) ?? this.#make(user);
    identity.users += 1;
    let released = false;
    const release = async () => {
      if (released) return;
      released = true;
      identity.users -= 1;
      if (identity.users > 0) return;
      this.#impersonated.delete(user);
      await identity.client.close();
    };
    return { container: identity.container, release };
  }

  /** What they watch may be behind what another process has acted on. */
  doubtWatches(): void {
    for (const client of this.#clients()) client.doubtWatches();
  }

  /** Of all clients together. */
  stats(): ClientStats {
    const all = this.#clients().map((client) => client.stats());
    const failures: Record<string, number> = {};
    for (const [code, count] of all.flatMap((one) => Object.entries(one.failures)))
      failures[code] = (failures[code] ?? 0) + count;
    return {
      watches: all.flatMap(({ watches }) => watches),
      openSockets: all.reduce((sum, { openSockets }) => sum + openSockets, 0),
      requests: all.reduce((sum, { requests }) => sum + requests, 0),
      failures,
    };
  }

  #clients(): KubeClient[] {
    return [this.options.own, ...[...this.#impersonated.values()].map(({ client }) => client)];
  }

  #make(user: string): Impersonated {
    const { auth, container: shared, logger, scheduler, random, onRequest } = this.options;
    const client = createKubeClient({ auth: impersonate(auth, user), logger, scheduler, random, onRequest });
    const container = shared.createChildContainer();
    container.register(KubeClientToken, { useValue: client });
    const made = { client, container, users: 0 };
    this.#impersonated.set(user, made);
    return made;
  }
}
