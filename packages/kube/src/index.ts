export type { Credentials, KubeAuth, TlsMaterial } from './auth/contract.js';
export { inClusterAuth, isInCluster } from './auth/in-cluster-auth.js';
export type { InClusterAuthOptions } from './auth/in-cluster-auth.js';
export { kubeconfigAuth } from './auth/kubeconfig-auth.js';
export type { KubeconfigAuthOptions } from './auth/kubeconfig-auth.js';
export { impersonate, staticAuth } from './auth/static-auth.js';
export type { StaticAuthOptions } from './auth/static-auth.js';
export { KubeClientToken } from './client.js';
export type {
  AccessAnswer,
  AccessQuestion,
  ClientStats,
  DeleteOptions,
  GetOptions,
  KubeClient,
  ListOptions,
  ListPage,
  PatchOptions,
  RawRequest,
  RequestOptions,
  UpdateOptions,
  WriteOptions,
} from './client.js';
export { createKubeClient } from './create-client.js';
export type { KubeClientOptions } from './create-client.js';
export type { ExecOptions, ExecRequest, ExecResult, OutputTail } from './exec/contract.js';
export { KUBE_ERROR_CODES } from './errors.js';
export type { KubeErrorCode } from './errors.js';
export { createEventRecorder, EventRecorderToken } from './events/event-recorder.js';
export type { EventNote, EventRecorder, EventRecorderOptions, Regarding } from './events/event-recorder.js';
export { guessedPlural, guessedPluralInCel } from './guessed-plural.js';
export { electLeader } from './lease/elect-leader.js';
export type { LeaderElection, LeaderOptions, LeaderTimings, Role } from './lease/elect-leader.js';
export { limitClient } from './limit-client.js';
export type { Declared } from './limit-client.js';
export { apiVersionOf, qualifiedName } from './model.js';
export type { KubeObject, ObjectMeta, ObjectRef, OwnerReference, Resource } from './model.js';
export {
  DIGEST_KEY_NAME,
  DIGEST_KEY_RBAC,
  digestKeyProvider,
  DigestKeyToken,
  loadDigestKey,
} from './object-source/digest-key.js';
export type { DigestKey, DigestKeyProvider } from './object-source/digest-key.js';
export { choiceAuthorRights, choiceRbac, NAME_IN_CEL, NAMESPACE_IN_CEL } from './object-source/choice-rbac.js';
export { decideOn } from './object-source/gate.js';
export { globIssue, keyFilter } from './object-source/key-globs.js';
export type { KeyGlobs } from './object-source/key-globs.js';
export { labelSelectorText, selectorIssues, selectorMatches } from './object-source/label-selector.js';
export type { Selector } from './object-source/label-selector.js';
export { observeObjects, SNAPSHOT_LABEL } from './object-source/observe-objects.js';
export type { ObjectEventData, ObjectView } from './object-source/observe-objects.js';
export { choiceIssues, choiceOptions, keysIssues, keysOption, ONE_CHOICE, onOption } from './object-source/options.js';
export type { ObjectChoice } from './object-source/options.js';
export { DIGEST_LENGTH, digestOf, filterParts, revisionOf } from './object-source/parts.js';
export type { Parts } from './object-source/parts.js';
export { readObject } from './object-source/read-object.js';
export { FanOut } from './pods/fan-out.js';
export type { FanOutTarget, FanOutWords } from './pods/fan-out.js';
export { looksIntoMounts, MOUNT_RBAC, waitForMountOption } from './pods/mount-option.js';
export type { MountOption } from './pods/mount-option.js';
export { MountWatch } from './pods/mount-watch.js';
export type { MountAnswer, MountQuestion } from './pods/mount-watch.js';
export { isReady, readyPods } from './pods/ready-pods.js';
export { mustExec } from './pods/must-exec.js';
export type { Container, Pod, PodsInNamespace, Volume } from './pods/ready-pods.js';
export { DEFAULT_TIMINGS } from './timings.js';
export type { KubeTimings } from './timings.js';
export type { ObjectVersion, Projection, WatchEvent, WatchScope, WatchState, WatchStats } from './watch/contract.js';
export { WELL_KNOWN } from './well-known.js';
