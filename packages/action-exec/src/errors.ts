import { type RetryHint, TriggerError } from '@kube-trigger/core';

export const EXEC_ERRORS = {
  KT_EXEC_EXIT_CODE:
    'The command ended with an exit code that is not in successCodes; it is repeated if in retryCodes.',
  KT_EXEC_PODS_FAILED: 'The command did not succeed in some pods; a repetition runs it in those only.',
  KT_EXEC_NO_READY_PODS: 'No pod is ready; the action is repeated until one is.',
  KT_EXEC_WORKLOAD_NOT_FOUND: 'The workload whose pods are meant does not exist; the action is repeated until it does.',
  KT_EXEC_CONTAINER_NOT_FOUND: 'A pod has no container of that name.',
  KT_EXEC_TEMPLATE: 'A word of the command cannot be made from this event.',
} as const;

type Code = keyof typeof EXEC_ERRORS;

export interface Failure {
  readonly retry: RetryHint;
  /** A sentence: what to do about it. */
  readonly fix: string;
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}

export function execError(code: Code, message: string, failure: Failure): TriggerError {
  return new TriggerError(code, message, failure);
}
