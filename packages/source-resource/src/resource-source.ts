import {
  type CallContext,
  type PluginContext,
  type Source,
  type SourceContext,
  type SourceEvent,
  toTriggerError,
  TriggerError,
  type TriggerEvent,
  type Verdict,
} from '@kube-trigger/core';
import {
  decideOn,
  type KubeClient,
  KubeClientToken,
  type ObjectEventData,
  observeObjects,
  readObject,
  type Resource,
} from '@kube-trigger/kube';
import { defer, from, map, Observable, retry, switchMap, timer } from 'rxjs';
import { inject, injectable } from 'tsyringe';
import { fieldsOf, type ResourceConfig } from './config.js';
import { resourceDigests } from './digests.js';

/** What filters and templates see of an object. */
export type ResourceEventData = ObjectEventData;

type Event = SourceEvent<ResourceEventData>;

/** A kind that is not there is looked for again after so long, on average. As often as discovery itself is asked. */
const LOOK_AGAIN_MS = 10_000;

/** Says which objects of a kind exist and in which state their chosen fields are. Waits for a kind that is not installed yet. */
@injectable()
export class ResourceSource implements Source<ResourceConfig, ResourceEventData> {
  constructor(@inject(KubeClientToken) private readonly kube: KubeClient) {}

  open(config: ResourceConfig, context: SourceContext): Observable<Event> {
    return new Observable((subscriber) => {
      const found = this.#find(config, context, (error) => subscriber.next({ change: 'degraded', error }));
      return found
        .pipe(
          switchMap((resource) =>
            observeObjects(this.kube, {
              resource,
              choice: config,
              defaultNamespace: context.rule.namespace,
              project: resourceDigests(fieldsOf(config)),
              partsOf: (digests) => digests,
              recall: context.recall,
              notFoundCode: 'KT_RESOURCE_NOT_FOUND',
            }),
          ),
        )
        .subscribe(subscriber);
    });
  }

  async read({ apiVersion, kind }: ResourceConfig, key: string, context: CallContext): Promise<unknown> {
    const resource = await this.kube.resourceFor({ apiVersion, kind });
    return readObject(this.kube, { resource, key }, context);
  }

  decide({ on }: ResourceConfig, event: TriggerEvent<ResourceEventData>): Verdict {
    return decideOn(on, event);
  }

  /**
   * Emits once, when the kind is there. Until then nothing is said to exist or not: a kind may be missing because the server of an
   * aggregated API is down, and then its objects are not deleted.
   */
  #find(config: ResourceConfig, context: PluginContext, waits: (error: TriggerError) => void): Observable<Resource> {
    let said: string | undefined;
    const lookAgain = (thrown: unknown) => {
      const error = toTriggerError(thrown);
      if (error.explanation !== said) waits(error);
      said = error.explanation;
      return timer(LOOK_AGAIN_MS * (0.5 + context.random()), context.scheduler);
    };
    const { apiVersion, kind } = config;
    return defer(() => from(this.kube.resourceFor({ apiVersion, kind }))).pipe(
      map((resource) => inScope(resource, config)),
      retry({ delay: lookAgain }),
    );
  }
}

function inScope(resource: Resource, { apiVersion, namespace }: ResourceConfig): Resource {
  if (resource.namespaced || namespace === undefined) return resource;
  throw new TriggerError(
    'KT_RESOURCE_NAMESPACE',
    `${resource.kind} (${apiVersion}) is cluster-scoped, it has no namespace`,
    {
      fix: `Remove namespace ("${namespace}") from this source`,
    },
  );
}
