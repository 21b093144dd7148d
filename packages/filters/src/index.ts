export { CelConfig } from './cel/config.js';
export { CelFilter } from './cel/cel-filter.js';
export { DebounceConfig, DebounceFilter } from './debounce.js';
export { blackout, cel, debounce, throttle, window } from './plugins.js';
export { ThrottleConfig, ThrottleFilter } from './throttle.js';
export { BlackoutConfig, BlackoutFilter, WindowConfig, WindowFilter } from './windows.js';
