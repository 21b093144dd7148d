import { defineFilter } from '@kube-trigger/core';
import { CEL_ERRORS, CelFilter } from './cel/cel-filter.js';
import { CelConfig, needsObject, validateCel } from './cel/config.js';
import { DebounceConfig, DebounceFilter, validateDebounce } from './debounce.js';
import { ThrottleConfig, ThrottleFilter } from './throttle.js';
import {
  BlackoutConfig,
  BlackoutFilter,
  validateBlackout,
  validateWindow,
  WindowConfig,
  WindowFilter,
} from './windows.js';

/** The filter `cel`. */
export const cel = defineFilter({
  name: 'cel',
  summary: 'Passes what a CEL expression is true for and drops the rest.',
  config: CelConfig,
  validate: validateCel,
  needsObject,
  rbac: [],
  errors: CEL_ERRORS,
  useClass: CelFilter,
});

/** The filter `debounce`. */
export const debounce = defineFilter({
  name: 'debounce',
  summary: 'Lets a burst of changes pass as one.',
  config: DebounceConfig,
  validate: validateDebounce,
  rbac: [],
  useClass: DebounceFilter,
});

/** The filter `throttle`. */
export const throttle = defineFilter({
  name: 'throttle',
  summary: 'Lets so many changes pass in a time, the others later.',
  config: ThrottleConfig,
  rbac: [],
  useClass: ThrottleFilter,
});

/** The filter `window`. */
export const window = defineFilter({
  name: 'window',
  summary: 'Lets changes pass while a window is open; the others wait until it opens.',
  config: WindowConfig,
  validate: validateWindow,
  rbac: [],
  useClass: WindowFilter,
});

/** The filter `blackout`. */
export const blackout = defineFilter({
  name: 'blackout',
  summary: 'Holds changes back for a time; they wait until its end.',
  config: BlackoutConfig,
  validate: validateBlackout,
  rbac: [],
  useClass: BlackoutFilter,
});
