export { type DevCluster, type DevClusterOptions, startDevCluster } from './dev-cluster.js';
export type { Failure, Fault, FaultMatch, Faults } from './faults/faults.js';
export type { RequestFilter, Stats } from './stats.js';
