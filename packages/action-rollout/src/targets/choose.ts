import {
  type ActionContext,
  type PluginContext,
  type TargetResult,
  toTriggerError,
  TriggerError,
  type TriggerEvent,
} from '@kube-trigger/core';
import { selectorMatches } from '@kube-trigger/kube';
import type { RolloutConfig } from '../config.js';
import { noTemplate, notFound, type Place, targetOf } from '../errors.js';
import { isAffected } from '../index/references.js';
import type { Known, WorkloadView } from '../index/workload-view.js';
import { allSettled } from './all-settled.js';
import { DEFAULT_KINDS, isPod, type Kind, kindOf } from './kinds.js';
import type { Found, Target } from './target.js';
import type { Views, Where } from './views.js';

/** Who an event is for. */
export interface Choice {
  readonly targets: readonly Target[];
  /** Looked at, and known to need nothing. */
  readonly left: readonly TargetResult[];
  /** What could not be looked at. */
  readonly failures: readonly TriggerError[];
}

interface Asked<C = ActionContext> {
  readonly config: RolloutConfig;
  readonly event: TriggerEvent;
  readonly context: C;
  readonly views: Views;
}

/** What a rule looks at before any event: one object, or kinds in a namespace. */
export function scopesOf(config: RolloutConfig, { rule }: Pick<ActionContext, 'rule'>): Where[] {
  const { objectRef, selector, kinds = DEFAULT_KINDS, podTemplatePath } = config;
  if (objectRef !== undefined) {
    const { namespace = rule.namespace, name } = objectRef;
    return [{ kind: kindOf({ ...objectRef, podTemplatePath }), namespace, name }];
  }
  if (selector !== undefined) {
    return [{ kind: kindOf({ ...selector, podTemplatePath }), namespace: selector.namespace ?? rule.namespace }];
  }
  return kinds.map((kind) => ({ kind: kindOf(kind), namespace: rule.namespace }));
}

export async function chooseTargets(asked: Asked): Promise<Choice> {
  const scopes = scopesOf(asked.config, asked.context);
  const used = asked.config.referencing === true ? objectOf(asked) : undefined;
  const choices = await Promise.all(
    scopes.map(async (scope): Promise<Choice> => {
      try {
        if (used !== undefined) return await usersIn({ ...scope, namespace: used.namespace }, used.object, asked);
        return await matchesIn(scope, asked);
      } catch (thrown) {
        return { targets: [], left: [], failures: [toTriggerError(thrown)] };
      }
    }),
  );
  const targets = choices.flatMap((choice) => choice.targets);
  const left = choices.flatMap((choice) => choice.left);
  const failures = choices.flatMap((choice) => choice.failures);
  const nothing = targets.length + left.length + failures.length === 0;
  return { targets, left: nothing ? scopes.map((scope) => nobody(scope, used)) : left, failures };
}

/**
 * Why an event is for nobody, of what the index has at this moment; undefined where it is for somebody, and where that has to be asked. Of
 * custom kinds it has to.
 */
export function nobodyFor({ config, event, context, views }: Asked<PluginContext>): string | undefined {
  const [, kind, namespace = '', name] = USABLE.exec(event.key) ?? [];
  if (config.referencing !== true || kind === undefined) return undefined;
  const scopes = scopesOf(config, context);
  let users = 0;
  for (const scope of scopes) {
    const view = views.known({ ...scope, namespace });
    if (view === undefined) return undefined;
    for (const [, used] of view.usersOf(`${kind}/${name}`)) {
      if (isAffected(used, event.changedKeys)) return undefined;
      users += 1;
    }
  }
  const kinds = scopes.map((scope) => scope.kind.kind).join(', ');
  return `none of ${kinds} uses ${users === 0 ? '' : 'what changed of '}${kind} ${name}`;
}

async function matchesIn(scope: Where, asked: Asked): Promise<Choice> {
  const { view, place } = await asked.views.at(scope, asked.context);
  const { selector } = asked.config;
  if (scope.name === undefined) {
    const matching = [...view.all()].filter(({ workload }) => selectorMatches(selector, workload.labels));
    return gather(matching, (known) => targetFor(known, scope, asked));
  }
  const known = view.get(scope.name);
  if (known === undefined && isPod(scope.kind)) return { targets: [], left: [noPod(place)], failures: [] };
  if (known === undefined) throw notFound(place);
  return { targets: [await targetFor(known, scope, asked)], left: [], failures: [] };
}

/** Those whose pods use the object, told apart by whether they use any of the keys that changed. */
async function usersIn(scope: Where, object: string, asked: Asked): Promise<Choice> {
  const { view } = await asked.views.at(scope, asked.context);
  const { changedKeys } = asked.event;
  const targets: Target[] = [];
  const left: TargetResult[] = [];
  for (const [known, used] of view.usersOf(object)) {
    const found = { ...known, kind: scope.kind };
    if (isAffected(used, changedKeys)) targets.push({ ...found, holder: found });
    else left.push(unaffected(known, changedKeys));
  }
  const { targets: referring, failures } = await gather(refersElsewhere(view), (known) =>
    targetFor(known, scope, asked),
  );
  for (const target of referring) {
    const used = target.holder.workload.template?.references.get(object);
    if (used === undefined) continue;
    if (isAffected(used, changedKeys)) targets.push(target);
    else left.push(unaffected(target, changedKeys));
  }
  return { targets, left, failures };
}

/** Argo Rollouts whose pod template is another workload's: the reverse index does not lead to them. */
function refersElsewhere(view: WorkloadView): Known[] {
  return [...view.all()].filter(({ workload }) => workload.workloadRef !== undefined);
}

async function gather(all: readonly Known[], target: (known: Known) => Promise<Target>): Promise<Choice> {
  const { values, failures } = await allSettled(all.map(target));
  return { targets: values, left: [], failures };
}

async function targetFor(known: Known, scope: Where, asked: Asked): Promise<Target> {
  const found: Found = { ...known, kind: scope.kind };
  const holder = await holderOf(found, scope, asked);
  return { ...found, holder };
}

async function holderOf(found: Found, { namespace, name }: Where, { config, views, context }: Asked): Promise<Found> {
  const { template, workloadRef } = found.workload;
  // Evictions need no template, only the pods.
  const isEvicted = config.strategy === 'evict' && workloadRef === undefined;
  if (template !== undefined || isEvicted) return found;
  if (workloadRef === undefined) throw noTemplate(found.ref, found.kind.templatePath);
  const kind: Kind = kindOf(workloadRef);
  // Alone like the one that refers to it, or all at once.
  const only = name === undefined ? undefined : workloadRef.name;
  const { view, place } = await views.at({ kind, namespace, name: only }, context);
  const known = view.get(workloadRef.name);
  if (known === undefined) throw notFound({ ...place, name: workloadRef.name });
  if (known.workload.template === undefined) throw noTemplate(known.ref, kind.templatePath);
  return { ...known, kind };
}

const USABLE = /^(ConfigMap|Secret|SecretProviderClass)\/([^/]+)\/([^/]+)$/;

function objectOf({ event, context }: Asked): { readonly object: string; readonly namespace: string } {
  const { key, manual } = event;
  const [, kind, namespace = '', name] = USABLE.exec(key) ?? [];
  // Whoever may annotate the rule chose this key: it must not lead to where the rule itself does not look.
  if (kind !== undefined && manual !== undefined && namespace !== context.rule.namespace) {
    throw new TriggerError('KT_ROLLOUT_NO_OBJECT', `${key} was named by hand and is not in the rule's namespace`, {
      retry: 'never',
      fix: `Name an object of namespace ${context.rule.namespace}, or fire a rule of namespace ${namespace}`,
    });
  }
  if (kind !== undefined) return { object: `${kind}/${name}`, namespace };
  throw new TriggerError('KT_ROLLOUT_NO_OBJECT', `${key} is nothing that a pod template refers to`, {
    retry: 'never',
    fix: 'With referencing: true use sources of ConfigMaps, Secrets or SecretProviderClasses; for others name the workloads with objectRef or selector',
  });
}

function unaffected({ ref }: Known, changedKeys: readonly string[] = []): TargetResult {
  const shown = changedKeys.slice(0, 3).join(', ');
  const more = changedKeys.length > 3 ? ` and ${changedKeys.length - 3} more` : '';
  const message = changedKeys.length === 0 ? 'uses none of its keys' : `does not use what changed (${shown}${more})`;
  return { target: targetOf(ref), outcome: 'unchanged', message };
}

function noPod({ resource, namespace, name = '' }: Place): TargetResult {
  const message = 'does not exist: one that comes reads the new state';
  return { target: targetOf({ resource, namespace, name }), outcome: 'unchanged', message };
}

/** Says why nothing was done at all. */
function nobody({ kind, namespace }: Where, used?: { object: string; namespace: string }): TargetResult {
  const target = `${kind.kind}/${used?.namespace ?? namespace}/*`;
  const message = used === undefined ? 'none matches the selector' : `none uses ${used.object.replace('/', ' ')}`;
  return { target, outcome: 'unchanged', message };
}
