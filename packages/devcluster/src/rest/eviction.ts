import type { ServerResponse } from 'node:http';
import { ApiError, badRequest, methodNotAllowed, notFound, type StatusDetails } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { type Cluster, timestamp } from '../cluster.js';
import { decodeObject } from '../http/body.js';
import { sendJson } from '../http/respond.js';
import { asObject, asString, isObject } from '../json.js';
import { collectionOf, resourceName } from '../resources/definition.js';
import { matchesLabelSelector } from '../selectors/match-labels.js';
import { keyOf } from '../store/store.js';
import { type ResourceRequest, refOf } from './context.js';
import { deleteObject, parseDeleteOptions } from './delete.js';

const BUDGETS = collectionOf({ group: 'policy', plural: 'poddisruptionbudgets' });
const VERSIONS: readonly unknown[] = [undefined, 'policy/v1', 'policy/v1beta1'];
/** A budget does not count on pods in these phases, so none is asked. */
const UNCOUNTED: readonly unknown[] = ['Pending', 'Succeeded', 'Failed'];

/** `POST pods/NAME/eviction`: deletes the pod, unless a PodDisruptionBudget is against it. */
export function serveEviction(request: ResourceRequest, response: ServerResponse): void {
  const { body, cluster, contentType, definition, info } = request;
  if (info.verb !== 'create') throw methodNotAllowed();
  const eviction = asObject(decodeObject(body, contentType));
  if (!VERSIONS.includes(eviction['apiVersion']))
    throw badRequest(`no kind "Eviction" is registered for version ${JSON.stringify(eviction['apiVersion'])}`);
  if (asString(asObject(eviction['metadata'])['name']) !== info.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const pod = cluster.store.get(refOf(request));
  if (pod === undefined) throw notFound(resourceName(definition), info.name);
  const options = parseDeleteOptions(eviction['deleteOptions'], info.query);
  const deletion = { ...options, namespace: info.namespace, name: info.name };
  // Asked first whether it would go at all, so that a refusal takes nothing off the budget.
  deleteObject(cluster, definition, { ...deletion, dryRun: true });
  if (!UNCOUNTED.includes(asObject(pod['status'])['phase'])) takeOffBudget(cluster, pod, options.dryRun);
  if (!options.dryRun) deleteObject(cluster, definition, deletion);
  sendJson(response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

/** Counts the pod as disrupted in the budget that protects it. @throws ApiError 429 when the budget allows no more. */
function takeOffBudget(cluster: Cluster, pod: KubeObject, dryRun: boolean): void {
  const [budget, ...others] = budgetsOf(cluster, pod);
  if (budget === undefined) return;
  if (others.length > 0) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw new ApiError(500, '', message);
  }
  const { name, generation = 0 } = budget.metadata;
  const status = asObject(budget['status']);
  const { observedGeneration = 0, disruptionsAllowed = 0, desiredHealthy = 0, currentHealthy = 0 } = status;
  if (Number(observedGeneration) < generation) {
    throw refused(`The disruption budget ${name} is still being processed by the server.`, { retryAfterSeconds: 10 });
  }
  if (Number(disruptionsAllowed) <= 0) {
    throw refused(
      `The disruption budget ${name} needs ${String(desiredHealthy)} healthy pods and has ${String(currentHealthy)} currently`,
    );
  }
  if (dryRun) return;
  const disrupted = isObject(status['disruptedPods']) ? status['disruptedPods'] : {};
  const disruptedPods = { ...disrupted, [pod.metadata.name]: timestamp(cluster.now()) };
  const left = { ...status, disruptionsAllowed: Number(disruptionsAllowed) - 1, disruptedPods };
  const { namespace = '' } = budget.metadata;
  cluster.store.put({ collection: BUDGETS, namespace, name }, { ...budget, status: left });
}

function budgetsOf(cluster: Cluster, { metadata }: KubeObject): KubeObject[] {
  const { namespace = '', labels = {} } = metadata;
  const budgets = cluster.store.collection(BUDGETS);
  return budgets
    .keysFrom(keyOf({ namespace, name: '' }))
    .map((key) => budgets.objects.get(key))
    .filter((budget) => budget !== undefined)
    .filter((budget) => matchesLabelSelector(asObject(budget['spec'])['selector'], labels));
}

function refused(cause: string, details: StatusDetails = {}): ApiError {
  const message = "Cannot evict pod as it would violate the pod's disruption budget.";
  return new ApiError(429, 'TooManyRequests', message, {
    ...details,
    causes: [{ reason: 'DisruptionBudget', message: cause }],
  });
}
