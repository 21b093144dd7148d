import { type ActionContext, isTriggerError } from '@kube-trigger/core';
import type { AccessQuestion, KubeClient } from '@kube-trigger/kube';

/** Whether this identity may. A server without access reviews, or one that does not let it ask, is no fault of the rule: the first request tells. */
export async function isAllowed(
  kube: KubeClient,
  question: AccessQuestion,
  { signal }: Pick<ActionContext, 'signal'>,
): Promise<boolean> {
  try {
    return (await kube.canI(question, { signal })).allowed;
  } catch (thrown) {
    if (isTriggerError(thrown) && ['KT_KUBE_NOT_FOUND', 'KT_KUBE_FORBIDDEN'].includes(thrown.code)) return true;
    throw thrown;
  }
}
