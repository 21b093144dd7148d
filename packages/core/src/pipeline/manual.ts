import { NEVER } from 'rxjs';
import { Type } from 'typebox';
import { defineSource, type Source } from '../contract/plugin.js';
import type { Observation } from './observation.js';

/** A run that a person asked for. */
export interface ManualRun {
  /** Equal for the same request and for nothing else: it becomes the revision. */
  readonly id: string;
  /** Who asked, for the record. */
  readonly by: string;
  /** What the event says of its source and key; default `manual`. */
  readonly source?: string;
  readonly key?: string;
}

/** Where the checkpoint keeps them: apart from every source's keys, whose states they say nothing about. Digests are longer. */
export const MANUAL_ID = 'manual';

class Silent implements Source {
  open() {
    return NEVER;
  }
}

const plugin = defineSource({
  name: MANUAL_ID,
  summary: 'Fires when a person asks for it.',
  config: Type.Object({}),
  rbac: [],
  semantics: 'edge',
  revisionFormat: 1,
  useClass: Silent,
});

/** An occurrence of its own kind: level actions act on it, because its unique id moves the combined revision. */
export function manualObservation({ id, by, source, key }: ManualRun, observedAtMs: number): Observation {
  return {
    sourceId: MANUAL_ID,
    source: { name: source ?? MANUAL_ID, id: MANUAL_ID, plugin, config: {} },
    instance: new Silent(),
    key: key ?? MANUAL_ID,
    revision: id,
    observedAtMs,
    occurrence: {},
    manual: { by },
  };
}
