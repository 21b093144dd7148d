export type { Credentials, KubeAuth, TlsMaterial } from './auth/contract.js';
export { KubeClientToken } from './client.js';
export type {
  AccessAnswer,
  AccessQuestion,
  ClientStats,
  DeleteOptions,
  KubeClient,
  ListOptions,
  ListPage,
  PatchOptions,
  RawRequest,
  RequestOptions,
  UpdateOptions,
  WriteOptions,
} from './client.js';
export { KUBE_ERROR_CODES } from './errors.js';
export type { KubeErrorCode } from './errors.js';
export { apiVersionOf, qualifiedName } from './model.js';
export type { KubeObject, ObjectMeta, ObjectRef, OwnerReference, Resource } from './model.js';
export type { Projection, WatchEvent, WatchScope, WatchState, WatchStats } from './watch/contract.js';
export { WELL_KNOWN } from './well-known.js';
