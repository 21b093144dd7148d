import { isTriggerError, type RetryHint, TriggerError } from '@kube-trigger/core';

export const WEBHOOK_ERRORS = {
  KT_WEBHOOK_STATUS:
    'The receiver answered with a status that is not in successCodes; it is repeated if in retryCodes.',
  KT_WEBHOOK_UNREACHABLE: 'No answer: the name is unknown, the connection was refused, reset or not made in time.',
  KT_WEBHOOK_TLS: 'The TLS handshake failed: a certificate is not trusted, has another name, or is out of date.',
  KT_WEBHOOK_ADDRESS_REFUSED: 'The target is a loopback, link-local or metadata address, which must not be asked.',
  KT_WEBHOOK_REDIRECT: 'The receiver redirects to a place that is not followed: another host, http, or too often.',
  KT_WEBHOOK_URL_INVALID: 'The URL in the key that urlFrom names cannot be used.',
  KT_WEBHOOK_REFERENCE_NOT_FOUND: 'A Secret, a ConfigMap or a key of them does not exist.',
  KT_WEBHOOK_REFERENCE_INVALID: 'A key holds something that cannot be used as what it is meant for.',
  KT_WEBHOOK_SERVICE_NOT_FOUND: 'The Service or its port does not exist; the action is repeated until it does.',
  KT_WEBHOOK_NO_READY_PODS: 'No pod of the selector is ready; the action is repeated until one is.',
  KT_WEBHOOK_PORT_NOT_FOUND: 'A pod has no container port of that name.',
  KT_WEBHOOK_PODS_FAILED: 'Some pods did not accept the request; a repetition asks those only.',
  KT_WEBHOOK_TEMPLATE: 'The body cannot be made from this event.',
  KT_WEBHOOK_DISPOSED: 'The rule is being stopped, so no request is made.',
} as const;

type Code = keyof typeof WEBHOOK_ERRORS;

export interface Failure {
  readonly retry: RetryHint;
  /** A sentence: what to do about it. */
  readonly fix: string;
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}

/** Made without a cause: those of sockets and parsers hold what was sent and answered, which may be secret. */
export function webhookError(code: Code, message: string, failure: Failure): TriggerError {
  return new TriggerError(code, message, failure);
}

export function isKubeNotFound(thrown: unknown): boolean {
  return isTriggerError(thrown) && thrown.code === 'KT_KUBE_NOT_FOUND';
}
