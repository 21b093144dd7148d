import type { Source, SourceContext, SourceEvent, TriggerEvent, Verdict } from '@kube-trigger/core';
import {
  decideOn,
  type DigestKeyProvider,
  DigestKeyToken,
  filterParts,
  keyFilter,
  type KubeClient,
  KubeClientToken,
  type ObjectEventData,
  observeObjects,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import { defer, from, type Observable, switchMap } from 'rxjs';
import { inject, injectable } from 'tsyringe';
import type { SecretConfig } from './config.js';
import { secretDigests } from './digests.js';
import { typeChoice } from './types.js';

/** What filters and templates see of a Secret. */
export type SecretEventData = ObjectEventData;

/** Says which Secrets exist and in which state their selected keys are, by digests that only the holder of the digest key can make. */
@injectable()
export class SecretSource implements Source<SecretConfig, SecretEventData> {
  constructor(
    @inject(KubeClientToken) private readonly kube: KubeClient,
    @inject(DigestKeyToken) private readonly digestKey: DigestKeyProvider,
  ) {}

  /** Revisions by another key are others, without any change. */
  async identity(): Promise<string> {
    return (await this.digestKey()).id;
  }

  open(config: SecretConfig, { rule, recall }: SourceContext): Observable<SourceEvent<SecretEventData>> {
    return defer(() => {
      const types = typeChoice(config, config.namespace ?? rule.namespace);
      const counts = keyFilter(config.keys);
      return from(this.digestKey()).pipe(
        switchMap((key) =>
          observeObjects(this.kube, {
            resource: WELL_KNOWN.Secret,
            choice: config,
            defaultNamespace: rule.namespace,
            fieldSelector: types.fieldSelector,
            project: secretDigests(key),
            partsOf: ({ type, digests }) => (types.counts(type) ? filterParts(digests, counts) : undefined),
            recall,
            notFoundCode: 'KT_SECRET_NOT_FOUND',
          }),
        ),
      );
    });
  }

  decide({ on }: SecretConfig, event: TriggerEvent<SecretEventData>): Verdict {
    return decideOn(on, event);
  }
}
