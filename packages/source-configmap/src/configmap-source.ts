import type { CallContext, Source, SourceContext, SourceEvent, TriggerEvent, Verdict } from '@kube-trigger/core';
import {
  decideOn,
  filterParts,
  keyFilter,
  type KubeClient,
  KubeClientToken,
  type ObjectEventData,
  observeObjects,
  readObject,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import { defer, type Observable } from 'rxjs';
import { inject, injectable } from 'tsyringe';
import type { ConfigMapConfig } from './config.js';
import { CONFIG_MAP_DIGESTS } from './digests.js';

/** What filters and templates see of a ConfigMap. */
export type ConfigMapEventData = ObjectEventData;

/** Says which ConfigMaps exist and in which state their selected keys are. */
@injectable()
export class ConfigMapSource implements Source<ConfigMapConfig, ConfigMapEventData> {
  constructor(@inject(KubeClientToken) private readonly kube: KubeClient) {}

  open(config: ConfigMapConfig, { rule, recall }: SourceContext): Observable<SourceEvent<ConfigMapEventData>> {
    return defer(() => {
      const counts = keyFilter(config.keys);
      return observeObjects(this.kube, {
        resource: WELL_KNOWN.ConfigMap,
        choice: config,
        defaultNamespace: rule.namespace,
        project: CONFIG_MAP_DIGESTS,
        partsOf: (digests) => filterParts(digests, counts),
        recall,
        notFoundCode: 'KT_CONFIGMAP_NOT_FOUND',
      });
    });
  }

  read(_config: ConfigMapConfig, key: string, context: CallContext): Promise<unknown> {
    return readObject(this.kube, { resource: WELL_KNOWN.ConfigMap, key }, context);
  }

  decide({ on }: ConfigMapConfig, event: TriggerEvent<ConfigMapEventData>): Verdict {
    return decideOn(on, event);
  }
}
