import { hostname, userInfo } from 'node:os';
import { isTriggerError, nearest } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, type KubeObject, type ObjectRef } from '@kube-trigger/kube';
import { Command } from 'commander';
import { TRIGGER_RULE } from '../api/resources.js';
import { createLogger } from '../logger.js';
import type { RuleStatus } from '../rules/trigger-rule.js';
import { chooseAuth, type ClusterOptions } from './cluster-options.js';

export interface RuleCommandOptions extends ClusterOptions {
  readonly namespace?: string;
}

export interface RuleObject extends KubeObject {
  readonly spec?: { readonly suspend?: boolean };
  readonly status?: RuleStatus;
}

/** One rule on a cluster, as the commands that are about one see it. */
export interface RuleOnCluster {
  readonly kube: KubeClient;
  readonly ref: ObjectRef;
  readonly title: string;
  /** Rejects, naming the nearest rule, when there is none of this name. */
  get(): Promise<RuleObject>;
  patch(body: object): Promise<void>;
}

export function withCluster(command: Command): Command {
  return command
    .option('-n, --namespace <name>', "the rule's namespace (default: the context's, else default)")
    .option('--kubeconfig <file>', 'use this kubeconfig')
    .option('--context <name>', 'use this context of the kubeconfig');
}

export function ruleCommand(name: string, description: string): Command {
  return withCluster(new Command(name).description(description).argument('<rule>', 'the TriggerRule'));
}

/** Connects, does the work and leaves no socket behind; what the API server objects to is said with its fix. */
export async function onCluster<T>(
  options: RuleCommandOptions,
  work: (kube: KubeClient, namespace: string) => Promise<T>,
): Promise<T> {
  const auth = chooseAuth(options);
  const kube = createKubeClient({ auth, logger: createLogger('silent') });
  try {
    return await work(kube, options.namespace ?? (await auth.namespace()) ?? 'default');
  } catch (thrown) {
    throw isTriggerError(thrown) ? new Error(thrown.explanation, { cause: thrown }) : thrown;
  } finally {
    await kube.close();
  }
}

export function onRule<T>(
  name: string,
  options: RuleCommandOptions,
  work: (rule: RuleOnCluster) => Promise<T>,
): Promise<T> {
  return onCluster(options, (kube, namespace) => {
    const ref = { resource: TRIGGER_RULE, namespace, name };
    return work({
      kube,
      ref,
      title: `${namespace}/${name}`,
      get: () => orNearest(kube, ref, () => kube.get<RuleObject>(ref)),
      patch: async (body) => {
        await orNearest(kube, ref, () => kube.patch(ref, body, { type: 'merge', fieldManager: 'kube-trigger-cli' }));
      },
    });
  });
}

async function orNearest<T>(kube: KubeClient, { namespace, name }: ObjectRef, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    if (!isTriggerError(thrown) || thrown.code !== 'KT_KUBE_NOT_FOUND') throw thrown;
    const others = await kube.list(TRIGGER_RULE, { namespace, as: 'metadata' }).catch(() => undefined);
    if (others === undefined) throw thrown;
    const names = others.map(({ metadata }) => metadata.name ?? '');
    const close = nearest(name, names);
    const hint = names.length === 0 ? 'there are no rules' : `there are ${names.toSorted().slice(0, 10).join(', ')}`;
    const fix = close === undefined ? hint : `did you mean "${close}"?`;
    throw new Error(`there is no TriggerRule ${namespace}/${name}; ${fix}`, { cause: thrown });
  }
}

/** Who works here: as the API server knows it (Kubernetes 1.28 and later), else by the machine's word. */
export async function whoAmI(kube: KubeClient): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  try {
    const review = await kube.request<{ status?: { userInfo?: { username?: string } } }>({
      method: 'POST',
      path,
      body,
    });
    const { username } = review.status?.userInfo ?? {};
    if (username !== undefined && username !== '') return username;
  } catch {
    // An older server: said below.
  }
  return `${userInfo().username}@${hostname()}`;
}
