export * from '../../src/index.js';
export { silentLogger, VirtualClock } from '../../src/testing/index.js';
export type { SchedulerLike } from 'rxjs';
