import { isTriggerError, TriggerError } from '@kube-trigger/core';
import type { KubeClient, ObjectRef } from '@kube-trigger/kube';
import { forbiddenToEvict } from './errors.js';

/** A budget that is still being worked out asks for ten seconds: the place is given free instead. */
const TIMEOUT_MS = 9_000;

export type Evicted = 'evicted' | 'gone' | { readonly refused: string };

/**
 * Evictions through one client. A pod is named by its uid, so that another one that took its name meanwhile stays.
 */
export class Evictor {
  /** `policy/v1` from Kubernetes 1.22 on, before that `policy/v1beta1`. */
  #version: Promise<string> | undefined;

  constructor(private readonly kube: KubeClient) {}

  /** Rejects with `KT_ROLLOUT_EVICTION` or `KT_ROLLOUT_FORBIDDEN`. A disruption budget's refusal is an answer. */
  async evict({ namespace = '', name }: ObjectRef, uid: string, signal: AbortSignal): Promise<Evicted> {
    const body = {
      apiVersion: await this.#apiVersion(signal),
      kind: 'Eviction',
      metadata: { namespace, name },
      deleteOptions: { preconditions: { uid } },
    };
    const pods = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
    const path = `${pods}/${encodeURIComponent(name)}/eviction`;
    try {
      await this.kube.request({ method: 'POST', path, body, signal, timeoutMs: TIMEOUT_MS });
      return 'evicted';
    } catch (thrown) {
      if (!isTriggerError(thrown)) throw thrown;
      return this.#answerTo(thrown, { namespace, name });
    }
  }

  #answerTo(error: TriggerError, pod: { readonly namespace: string; readonly name: string }): Evicted {
    switch (error.code) {
      case 'KT_KUBE_NOT_FOUND':
        return 'gone';
      case 'KT_KUBE_CONFLICT':
        return ANOTHER_POD.test(error.message) ? 'gone' : { refused: 'it changed just now' };
      case 'KT_KUBE_TOO_MANY_REQUESTS': {
        const budget = BUDGET.exec(error.message);
        if (budget === null) throw error;
        return { refused: budget[1] ?? 'its disruption budget allows no eviction' };
      }
      case 'KT_KUBE_FORBIDDEN':
        throw forbiddenToEvict(pod.namespace, error);
      case 'KT_KUBE_INVALID':
        // Another version than before: the API server was replaced.
        this.#version = undefined;
        throw error;
      default:
        throw SEVERAL.test(error.message) ? severalBudgets(pod, error) : error;
    }
  }

  #apiVersion(signal: AbortSignal): Promise<string> {
    this.#version ??= this.#discover(signal).catch((thrown: unknown) => {
      this.#version = undefined;
      throw thrown;
    });
    return this.#version;
  }

  async #discover(signal: AbortSignal): Promise<string> {
    const { resources = [] } = await this.kube.request<{ resources?: readonly Listed[] }>({ path: '/api/v1', signal });
    const { group = 'policy', version = 'v1' } = resources.find(({ name }) => name === 'pods/eviction') ?? {};
    return `${group}/${version}`;
  }
}

interface Listed {
  readonly name: string;
  readonly group?: string;
  readonly version?: string;
}

const BUDGET = /violate the pod's disruption budget\.?(?: ([^]*))?$/;
/** The uid of the precondition is not that of the pod. */
const ANOTHER_POD = /UID in (the )?precondition/i;
const SEVERAL = /more than one PodDisruptionBudget/;

function severalBudgets(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  cause: TriggerError,
) {
  return new TriggerError('KT_ROLLOUT_EVICTION', `Pod ${namespace}/${name} has more than one PodDisruptionBudget`, {
    cause,
    fix: 'Leave one PodDisruptionBudget whose selector matches it: the API server evicts no pod that has several',
  });
}
