import { TriggerError } from '@kube-trigger/core';
import type { KubeClient } from '@kube-trigger/kube';

/** The same client, of which nothing that writes gets through. */
export function readOnlyKube(kube: KubeClient): KubeClient {
  const refuse = (what: string) => () =>
    Promise.reject(new TriggerError('KT_DRY_RUN', `${what} was refused: a dry run writes nothing`, { retry: 'never' }));
  return {
    get: (ref, options) => kube.get(ref, options),
    pages: (resource, options) => kube.pages(resource, options),
    list: (resource, options) => kube.list(resource, options),
    resourceFor: (type) => kube.resourceFor(type),
    canI: (question, options) => kube.canI(question, options),
    watch: (scope) => kube.watch(scope),
    doubtWatches: () => kube.doubtWatches(),
    stats: () => kube.stats(),
    close: () => kube.close(),
    request: (raw) => (raw.method === undefined || raw.method === 'GET' ? kube.request(raw) : refuse(raw.method)()),
    create: refuse('a creation'),
    update: refuse('an update'),
    patch: refuse('a patch'),
    delete: refuse('a deletion'),
    exec: refuse('a command in a container'),
  };
}
