export { CAUSE_ANNOTATION, causeOf, revisionAnnotation } from './annotations.js';
export { RolloutConfig } from './config.js';
export { updatePodTemplate, updatePodTemplate as default } from './plugin.js';
export { RolloutAction } from './rollout-action.js';
