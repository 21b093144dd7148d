export { startControllers } from './start-controllers.js';
export type { Controllers, ControllersOptions } from './start-controllers.js';
export { crashAnnotation } from './pod-status.js';
export { nodeName } from './cluster.js';
