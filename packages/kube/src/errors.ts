/** Every error code of this package with what it means. */
export const KUBE_ERROR_CODES = {
  KT_KUBE_AUTH: 'No usable credentials: the kubeconfig, token or certificate cannot be read, or an exec plugin failed.',
  KT_KUBE_UNAUTHORIZED: 'The API server does not accept the credentials (401), also after they were read again.',
  KT_KUBE_FORBIDDEN: 'RBAC denies this (403); the message has the rule to add. Watches try again by themselves.',
  KT_KUBE_NOT_FOUND: 'The object, or the kind itself, does not exist on this cluster (404).',
  KT_KUBE_CONFLICT: 'The object exists already, or somebody else changed it since it was read (409).',
  KT_KUBE_INVALID: 'The API server refuses the request as malformed or against a schema (400, 405, 415, 422).',
  KT_KUBE_TOO_MANY_REQUESTS: 'The API server asks to slow down (429); its Retry-After is honoured.',
  KT_KUBE_UNREACHABLE: 'No answer: connection refused, reset, timed out, or the TLS handshake failed.',
  KT_KUBE_SERVER_ERROR: 'The API server, a webhook or a proxy in front of it failed (5xx).',
  KT_KUBE_EXPIRED: 'The asked resourceVersion or continue token is too old (410); the watch lists again by itself.',
  KT_KUBE_BAD_RESPONSE: 'The answer is not what the Kubernetes API promises (broken JSON, no metadata).',
  KT_KUBE_TOO_LARGE: 'The answer is larger than the limit for it.',
  KT_KUBE_UNKNOWN_KIND: 'No kind of that name on this cluster; the message names the nearest one.',
  KT_KUBE_EXEC_LOST:
    'The connection to a command in a container ended or went silent before its exit status came: it may have run.',
  KT_KUBE_EXEC_FAILED:
    'The node did not run a command in a container: the container is gone or restarting, or the node is in trouble.',
  KT_KUBE_EXEC_COMMAND: 'A container has no such program, or it cannot be executed.',
  KT_KUBE_MOUNT_NEVER:
    'A pod that is waited for never sees a change: it mounts the object by subPath, in another namespace, or not at all.',
  KT_KUBE_MOUNT_STALE: 'A pod did not see the changed object in its volume within five minutes; it is looked at again.',
  KT_KUBE_MOUNT_UNREADABLE:
    'No container that mounts the object has the program sha256sum, which it is looked at with.',
  KT_KUBE_PROJECTION:
    'What a watcher keeps of an object could not be made: a bug in that plugin; others are not affected.',
  KT_KUBE_DIGEST_KEY: 'The Secret with the key for digests of Secrets holds no usable key; rules on Secrets wait.',
  KT_KUBE_CLOSED: 'The client was closed.',
  KT_PLUGIN_UNDECLARED:
    'A plugin asked the Kubernetes API for something that its `rbac` does not declare; nothing was sent.',
} as const;

export type KubeErrorCode = keyof typeof KUBE_ERROR_CODES;
