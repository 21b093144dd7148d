import type { Logger, TriggerError } from '@kube-trigger/core';
import type { KubeClient } from '@kube-trigger/kube';
import { concatMap, defer, EMPTY, merge, type Observable, of } from 'rxjs';
import { TRIGGER_RULE } from '../api/resources.js';
import { ruleProjection, type TriggerRule } from './trigger-rule.js';

export type FeedEvent =
  | { readonly type: 'present'; readonly rule: TriggerRule }
  | { readonly type: 'absent'; readonly namespace: string; readonly name: string }
  /** Every rule that exists was said. */
  | { readonly type: 'synced' };

/** Where rules come from. Cold; never errors and never completes. */
export type RuleFeed = Observable<FeedEvent>;

/** The TriggerRules of these namespaces; empty: of all. */
export function clusterFeed(kube: KubeClient, namespaces: readonly string[], logger: Logger): RuleFeed {
  return defer(() => merge(...feedsOf(kube, namespaces.length === 0 ? [undefined] : namespaces, logger)));
}

function feedsOf(kube: KubeClient, scopes: readonly (string | undefined)[], logger: Logger): RuleFeed[] {
  const synced = new Set<string | undefined>();
  return scopes.map((namespace) =>
    kube.watch({ resource: TRIGGER_RULE, namespace, project: ruleProjection }).pipe(
      concatMap((event): Observable<FeedEvent> => {
        switch (event.type) {
          case 'present':
            return of({ type: 'present', rule: event.value });
          case 'absent':
            return of(event);
          case 'synced':
            synced.add(namespace);
            return synced.size === scopes.length ? of(event) : EMPTY;
          case 'interrupted':
            logger.warn(whyBlind(event.error), 'cannot watch TriggerRules; trying again');
            return EMPTY;
        }
      }),
    ),
  );
}

function whyBlind(error: TriggerError): object {
  const crd =
    error.code === 'KT_KUBE_NOT_FOUND' ? { fix: 'Install the definitions: kube-trigger crd | kubectl apply -f -' } : {};
  return { code: error.code, error: error.message, ...(error.fix === undefined ? {} : { fix: error.fix }), ...crd };
}
