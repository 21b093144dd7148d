export { startControllers } from './start-controllers.js';
export type { ControllerName, Controllers, ControllersOptions } from './start-controllers.js';
export { crashAnnotation } from './pod-status.js';
export { nodeName } from './cluster.js';
