export { TimerConfig } from './config.js';
export { TimerSource } from './timer-source.js';
export type { TimerEventData } from './ticker.js';
export { timer, timer as default } from './plugin.js';
