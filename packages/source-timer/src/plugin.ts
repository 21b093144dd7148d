import { defineSource } from '@kube-trigger/core';
import { TimerConfig, validateTimer } from './config.js';
import { TimerSource } from './timer-source.js';

/** The source `timer`. */
export const timer = defineSource({
  name: 'timer',
  summary: 'Fires at the times of a cron schedule, or every so many hours, minutes and seconds.',
  config: TimerConfig,
  semantics: 'edge',
  revisionFormat: 1,
  objects: { never: 'a timer has no object' },
  validate: validateTimer,
  rbac: [],
  useClass: TimerSource,
});
