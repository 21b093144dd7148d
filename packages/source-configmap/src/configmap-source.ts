import {
  PASS,
  type PresentEvent,
  type Source,
  type SourceContext,
  type SourceEvent,
  TriggerError,
  type TriggerEvent,
  type Verdict,
} from '@kube-trigger/core';
import { type KubeClient, KubeClientToken, type WatchEvent, WELL_KNOWN } from '@kube-trigger/kube';
import { concatMap, defer, type Observable } from 'rxjs';
import { inject, injectable } from 'tsyringe';
import type { ConfigMapConfig } from './config.js';
import { CONFIG_MAP_DIGESTS, type KeyDigests, revisionOf } from './digests.js';
import { keyFilter } from './key-filter.js';
import { labelSelectorText } from './label-selector.js';

/** What filters and templates see of a ConfigMap. */
export interface ConfigMapEventData {
  readonly namespace: string;
  readonly name: string;
}

type Event = SourceEvent<ConfigMapEventData>;

/**
 * Says which ConfigMaps exist and in which state their selected keys are. Shares its watch with every other source on the same name,
 * selector or namespace. Never errors by itself: what it cannot see is said as `degraded`.
 */
@injectable()
export class ConfigMapSource implements Source<ConfigMapConfig, ConfigMapEventData> {
  constructor(@inject(KubeClientToken) private readonly kube: KubeClient) {}

  open(config: ConfigMapConfig, context: SourceContext): Observable<Event> {
    return defer(() => {
      const namespace = config.namespace ?? context.rule.namespace;
      const sight = new Sight(config, namespace);
      return this.kube
        .watch({
          resource: WELL_KNOWN.ConfigMap,
          namespace,
          name: config.name,
          labelSelector: labelSelectorText(config.selector),
          project: CONFIG_MAP_DIGESTS,
        })
        .pipe(concatMap((event) => sight.accept(event)));
    });
  }

  decide(config: ConfigMapConfig, event: TriggerEvent<ConfigMapEventData>): Verdict {
    const { change } = event;
    if (change === 'occurred' || config.on.includes(change)) return PASS;
    return { drop: `${NOUNS[change]}; on lists ${config.on.join(', ')}` };
  }
}

const NOUNS = { created: 'a creation', updated: 'an update', deleted: 'a deletion' } as const;

/** What one subscription sees: turns the watch's events into the source's. */
class Sight {
  readonly #counts: ((key: string) => boolean) | undefined;
  /** Of a single named ConfigMap. */
  #exists = false;
  /** `blind` until the first inventory and while the watch is interrupted. */
  #state: 'blind' | 'synced' | 'missing' = 'blind';
  #syncedOnce = false;

  constructor(
    private readonly config: ConfigMapConfig,
    private readonly namespace: string,
  ) {
    this.#counts = keyFilter(config.keys);
  }

  accept(event: WatchEvent<KeyDigests>): readonly Event[] {
    switch (event.type) {
      case 'present':
        this.#exists = true;
        return [this.#present(event), ...(this.#state === 'missing' ? this.#synced() : [])];
      case 'absent': {
        this.#exists = false;
        const absent: Event = { change: 'absent', key: keyOf(event) };
        return this.#state === 'synced' && this.#isMissing() ? [absent, this.#missing()] : [absent];
      }
      case 'synced':
        return this.#inventoried();
      case 'interrupted':
        this.#state = 'blind';
        return [{ change: 'degraded', error: event.error }];
    }
  }

  #present(event: Extract<WatchEvent<KeyDigests>, { type: 'present' }>): PresentEvent<ConfigMapEventData> {
    const { namespace, name, value } = event;
    const counts = this.#counts;
    const parts =
      counts === undefined ? value : Object.fromEntries(Object.entries(value).filter(([key]) => counts(key)));
    return { change: 'present', key: keyOf(event), revision: revisionOf(parts), parts, data: { namespace, name } };
  }

  /**
   * A missing ConfigMap is said after the first `synced`, not instead of it: the inventory (nothing) is complete, so the rule's baseline
   * stands and the ConfigMap's later creation is a change.
   */
  #inventoried(): Event[] {
    if (!this.#isMissing()) return this.#synced();
    const first = this.#syncedOnce ? [] : this.#synced();
    return this.#state === 'missing' ? first : [...first, this.#missing()];
  }

  #synced(): Event[] {
    this.#state = 'synced';
    this.#syncedOnce = true;
    return [{ change: 'synced' }];
  }

  #isMissing(): boolean {
    return this.config.name !== undefined && !this.#exists;
  }

  #missing(): Event {
    this.#state = 'missing';
    const { name } = this.config;
    const error = new TriggerError('KT_CONFIGMAP_NOT_FOUND', `ConfigMap ${this.namespace}/${name} does not exist`, {
      fix: 'Create it, or correct name and namespace of this source in spec.sources; the rule waits for it',
    });
    return { change: 'degraded', error };
  }
}

function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `ConfigMap/${namespace}/${name}`;
}
