export { ApiClient, type ApiObject, type ApiResponse, type Headers } from './api-client.js';
export {
  type EmbeddedCluster,
  type StartCluster,
  describeOnClusters,
  startCluster,
  startEmbedded,
  startReal,
} from './cluster.js';
export { type Envtest, type EnvtestOptions, envtestWanted, startEnvtest } from './envtest.js';
export { type EventuallyOptions, type NeverOptions, WaitError, eventually, never } from './eventually.js';
export {
  type FaultProxy,
  type FaultProxyOptions,
  type FreezeOptions,
  startFaultProxy,
} from './fault-proxy/fault-proxy.js';
export type { CutKind, CutPoint, Direction, Fault, FaultEffect, RequestMatch } from './fault-proxy/fault-rules.js';
export { freePort } from './free-port.js';
export { installCrd, installCrds } from './install-crds.js';
export { type Access, kubeconfigFor } from './kubeconfig.js';
export { BUSYBOX, describeOnNode, nodeWanted, type PodOnNode, startPod } from './node.js';
export { type CertificateAuthority, type CertificateRequest, type KeyPair, createCertificateAuthority } from './pki.js';
export type { ClusterName, StartClusterOptions, TestCluster } from './test-cluster.js';
export type { WatchEvent, WatchStream } from './watch-stream.js';
