import { isTriggerError, TriggerError } from '@kube-trigger/core';
import type { KubeClient, KubeObject } from '@kube-trigger/kube';
import { CAUSE_ANNOTATION } from '../annotations.js';
import { describeTarget } from '../errors.js';
import { workloadOf } from '../index/workload.js';
import { mustBeKept } from '../strategies/patch.js';
import type { Applied, Job } from '../strategies/strategy.js';
import type { Found } from '../targets/target.js';
import { pointingPatch } from './json-patch.js';
import { arePointed, type Wanted } from './origins.js';

/** Between a look and its patch somebody may change the spec again: not forever. */
const MAX_ROUNDS = 5;

/**
 * Points the references of a workload's pod template to snapshots, in one patch that carries the revision as well. Undefined when all of them
 * were pointed there already. Looks first: the patch says where in the lists each reference is.
 */
export async function point(
  kube: KubeClient,
  carrier: Found,
  { wanted, job }: { readonly wanted: Wanted; readonly job: Job },
): Promise<Applied | undefined> {
  const { ref, kind } = carrier;
  for (let round = 1; ; round += 1) {
    const object = await kube.get(ref, { signal: job.signal });
    const workload = workloadOf(object, kind);
    if (workload.deleting || arePointed(workload.template?.readAs ?? new Map(), wanted)) return undefined;
    const annotations = { [job.annotation]: job.revision, [CAUSE_ANNOTATION]: job.cause };
    const patch = pointingPatch(object, kind.templatePath, { snapshots: wanted, annotations, outdated: job.outdated });
    const send = (dryRun: boolean) =>
      kube.patch(ref, patch, { type: 'json', fieldManager: job.mergeManager, dryRun, signal: job.signal });
    try {
      // A schema that drops the annotations would leave references to snapshots of which nobody knows what they stand for.
      if (!kind.known) kept(await send(true), carrier, job);
      const patched = await send(false);
      return { object: patched, workload: kept(patched, carrier, job) };
    } catch (thrown) {
      if (!(isTriggerError(thrown) && thrown.code === 'KT_KUBE_INVALID')) throw thrown;
      // A test that fails and a spec that is refused have one answer (422). Only the first is worth another look.
      if (await isAsSeen(kube, carrier, { object, job })) throw thrown;
      if (round === MAX_ROUNDS) throw busy(carrier, thrown);
    }
  }
}

function kept(object: KubeObject, carrier: Found, job: Job): Applied['workload'] {
  const workload = workloadOf(object, carrier.kind);
  mustBeKept(workload.template?.annotations[job.annotation], carrier, job);
  return workload;
}

async function isAsSeen(
  kube: KubeClient,
  { ref }: Found,
  { object, job }: { readonly object: KubeObject; readonly job: Job },
): Promise<boolean> {
  const { metadata: now } = await kube.get(ref, { as: 'metadata', signal: job.signal });
  const { uid, generation, resourceVersion } = object.metadata;
  if (now.uid !== uid) return false;
  return generation === undefined ? now.resourceVersion === resourceVersion : now.generation === generation;
}

function busy({ ref }: Found, cause: TriggerError): TriggerError {
  const message = `${describeTarget(ref)} was changed by somebody else between each of ${MAX_ROUNDS} looks at it and its patch`;
  return new TriggerError('KT_ROLLOUT_BUSY', message, {
    retry: 'backoff',
    cause,
    fix: 'Look at its managedFields for who writes it all the time',
  });
}
