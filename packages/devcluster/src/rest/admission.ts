import type { KubeObject } from '../api-types.js';
import { refuseEscalation } from '../auth/escalation.js';
import type { ResourceRequest } from './context.js';

/** The check that a write of a user passes last. */
export function admission({ cluster, definition, user }: ResourceRequest): { admit: (object: KubeObject) => void } {
  return { admit: (object) => refuseEscalation(cluster.store, user, definition, object) };
}
