import { ABSENT } from '../checkpoint/entry.js';
import type { CallContext } from '../contract/context.js';
import { TriggerError } from '../contract/errors.js';
import type { Observation } from './observation.js';

/**
 * What an observation is about, as it is now; null for a deletion and for a run by hand, which is about none. Rejects with `KT_OBJECT_GONE` when it was deleted since: the source is about
 * to say so, and that replaces this observation.
 */
export async function readObject(
  { source, instance, key, revision }: Observation,
  context: CallContext,
): Promise<unknown> {
  if (revision === ABSENT || instance.read === undefined) return null;
  const object = await instance.read(source.config, key, context);
  if (object !== undefined && object !== null) return object;
  throw new TriggerError('KT_OBJECT_GONE', `${key} does not exist any more`);
}
