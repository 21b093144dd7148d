import { CAUSE_ANNOTATION } from '../annotations.js';
import { nested, patchObject } from './patch.js';
import type { Strategy } from './strategy.js';

/** What `kubectl rollout restart` writes. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

/**
 * What `kubectl rollout restart` does, and nothing else to the pod template (for an Argo Rollout: `spec.restartAt`). The revision and the
 * cause are annotations of the workload itself.
 */
export const restartedAt: Strategy = {
  carrierOf: (target) => target,

  revisionOf: ({ annotations }, annotation) => annotations[annotation],

  apply(kube, carrier, job) {
    const at = new Date(job.nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
    const metadata = { annotations: { [job.annotation]: job.revision, [CAUSE_ANNOTATION]: job.cause } };
    const restart =
      carrier.kind.restart === 'restartAt'
        ? { spec: { restartAt: at } }
        : nested(carrier.kind.templatePath, { metadata: { annotations: { [RESTARTED_AT]: at } } });
    return patchObject(kube, carrier, { body: { metadata, ...restart }, job });
  },
};
