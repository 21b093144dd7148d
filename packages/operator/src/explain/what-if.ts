import 'reflect-metadata';
import {
  type CheckpointStore,
  compileRule,
  instantiate,
  type Logger,
  LoggerToken,
  type PluginRegistry,
  RandomToken,
  type RuleIssue,
  SchedulerToken,
  toTriggerError,
  type TriggerEvent,
} from '@kube-trigger/core';
import { digestKeyProvider, DigestKeyToken, type KubeClient, KubeClientToken } from '@kube-trigger/kube';
import { asyncScheduler } from 'rxjs';
import { container as rootContainer } from 'tsyringe';
import { ReadOnlyCheckpoints } from '../dry-run/read-only-checkpoints.js';
import { readOnlyKube } from '../dry-run/read-only-kube.js';
import { askActions, askGates, checkTargets, type GateAnswer, lookNow, type SourceLook } from './look-now.js';

export interface WhatIfOptions {
  readonly rule: { readonly namespace: string; readonly name: string; readonly uid: string; readonly spec: unknown };
  readonly kube: KubeClient;
  readonly registry: PluginRegistry;
  readonly checkpoints: CheckpointStore;
  readonly logger: Logger;
  readonly operatorNamespace: string;
  /** These instead of what the sources say. */
  readonly events?: readonly Partial<TriggerEvent>[] | undefined;
  readonly withinMs?: number;
}

export interface EventAnswer {
  readonly source: string;
  readonly key: string;
  readonly change: string;
  readonly changedKeys?: readonly string[];
  readonly gates: readonly GateAnswer[];
  /** Its delivery began: it is under way, or was done within the last seconds. */
  readonly begun: boolean;
  readonly wouldFire: boolean;
}

export interface WhatIf {
  /** Empty where events were given. */
  readonly sources: readonly SourceLook[];
  /** What differs from the checkpoint (or was given), and each gate's answer. Empty when all sources are synced: every revision is settled. */
  readonly events: readonly EventAnswer[];
  readonly actions: readonly GateAnswer[];
}

/**
 * What would happen now: the rule's own plugins are asked, with this process's rights; nothing is written or acted on. Rejects when these
 * plugins do not accept the rule.
 */
export async function whatIf(options: WhatIfOptions): Promise<WhatIf> {
  const { rule: object, registry, logger } = options;
  const { namespace, name, uid } = object;
  const compilation = compileRule({ namespace, name, uid }, object.spec, registry, { acceptedBefore: true });
  if ('issues' in compilation) throw new Error(`the rule is not accepted here: ${inWords(compilation.issues)}`);
  const { rule } = compilation;
  const instances = instantiate(rule, containerFor(options));
  const stopped = new AbortController();
  const context = { rule: rule.identity, logger, scheduler: asyncScheduler, random: Math.random };
  try {
    const checkpoints = new ReadOnlyCheckpoints(options.checkpoints);
    const look =
      options.events === undefined
        ? await lookNow({ rule, instances, checkpoints, logger, withinMs: options.withinMs ?? 10_000 })
        : {
            events: options.events.map((event) => wholeEvent(event, rule.sources[0]?.name ?? '')),
            begun: NONE,
            sources: [],
          };
    // First, since what they look at is what the actions go by.
    const actions = await checkTargets({ rule, instances }, { ...context, signal: stopped.signal });
    const events = look.events.map((event): EventAnswer => {
      const begun = look.begun.has(event.id);
      const objections = begun ? [] : askActions(event, { rule, instances }, context);
      const gates = [...askGates(event, { rule, instances }, context), ...objections];
      const { source, key, change, changedKeys } = event;
      const wouldFire = gates.every(({ verdict }) => verdict === 'Pass');
      return {
        source,
        key,
        change,
        ...(changedKeys === undefined ? {} : { changedKeys }),
        gates,
        begun,
        wouldFire,
      };
    });
    return { sources: look.sources, events, actions };
  } catch (thrown) {
    throw toTriggerError(thrown);
  } finally {
    stopped.abort();
    await instances.dispose();
  }
}

function inWords(issues: readonly RuleIssue[]): string {
  return issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

const NONE: ReadonlySet<string> = new Set();

function wholeEvent(event: Partial<TriggerEvent>, source: string): TriggerEvent {
  const nowMs = asyncScheduler.now();
  const times = { observedAtMs: nowMs, waitingSinceMs: nowMs };
  return { id: 'explain', source, key: '', revision: 'explain', change: 'updated', ...times, ...event };
}

function containerFor({ kube, logger, operatorNamespace }: WhatIfOptions) {
  const readOnly = readOnlyKube(kube);
  const container = rootContainer.createChildContainer();
  container.register(KubeClientToken, { useValue: readOnly });
  container.register(DigestKeyToken, { useValue: digestKeyProvider(readOnly, operatorNamespace) });
  container.register(LoggerToken, { useValue: logger });
  container.register(SchedulerToken, { useValue: asyncScheduler });
  container.register(RandomToken, { useValue: Math.random });
  return container;
}
