import { TriggerError } from '@kube-trigger/core';
import { apiVersionOf, type KubeClient, type ObjectRef } from '@kube-trigger/kube';
import { describeTarget } from '../errors.js';
import { type Workload, workloadOf } from '../index/workload.js';
import type { Found } from '../targets/target.js';
import type { Applied, Job } from './strategy.js';

/** One patch of one object, in the form that the rule asks for. */
export async function patchObject(
  kube: KubeClient,
  { ref, workload, kind }: Found,
  { body, job }: { readonly body: object; readonly job: Job },
): Promise<Applied> {
  const { signal } = job;
  const object =
    job.patchType === 'merge'
      ? await kube.patch(ref, withoutOutdated(body, workload, job.outdated), {
          type: 'merge',
          fieldManager: job.mergeManager,
          signal,
        })
      : await kube.patch(ref, identified(ref, workload.uid, body), {
          type: 'apply',
          fieldManager: job.applyManager,
          // The cause is shared by rules: the last one's is seen.
          force: true,
          signal,
        });
  return { object, workload: workloadOf(object, kind) };
}

function withoutOutdated(body: object, { annotations }: Workload, outdated: string): object {
  if (annotations[outdated] === undefined) return body;
  const { metadata = {} } = body as { metadata?: { annotations?: object } };
  return { ...body, metadata: { ...metadata, annotations: { ...metadata.annotations, [outdated]: null } } };
}

/** An applied intent names its object. With the uid it cannot make one that has gone meanwhile. */
function identified({ resource, namespace, name }: ObjectRef, uid: string, body: object): object {
  const { metadata = {}, ...rest } = body as { metadata?: object };
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { ...metadata, namespace, name, uid },
    ...rest,
  };
}

/** `{ spec: { template: value } }` for the path `spec`, `template`. */
export function nested(path: readonly string[], value: object): object {
  return path.toReversed().reduce<object>((inner, name) => ({ [name]: inner }), value);
}

/** Schemas of custom kinds drop what they do not know, without a word. */
export function mustBeKept(found: string | undefined, { ref, kind }: Found, job: Job): void {
  if (found === job.revision) return;
  const where = `${kind.templatePath.join('.')}.metadata.annotations`;
  throw new TriggerError('KT_ROLLOUT_TEMPLATE', `${describeTarget(ref)} does not keep annotations at ${where}`, {
    retry: 'never',
    fix: 'Let the schema of its CustomResourceDefinition keep them (x-kubernetes-preserve-unknown-fields: true)',
  });
}
