import { CAUSE_ANNOTATION } from '../annotations.js';
import { mustBeKept, nested, patchObject } from './patch.js';
import type { Strategy } from './strategy.js';

/** The revision and the cause as annotations of the pod template, so that its controller rolls by its own update strategy. */
export const annotate: Strategy = {
  carrierOf: ({ holder }) => holder,

  revisionOf: ({ template }, annotation) => template?.annotations[annotation],

  async apply(kube, carrier, job) {
    const annotations = { [job.annotation]: job.revision, [CAUSE_ANNOTATION]: job.cause };
    const body = nested(carrier.kind.templatePath, { metadata: { annotations } });
    const applied = await patchObject(kube, carrier, { body, job });
    mustBeKept(applied.workload.template?.annotations[job.annotation], carrier, job);
    return applied;
  },
};
