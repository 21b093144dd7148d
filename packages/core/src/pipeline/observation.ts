import type { KeyState } from '../checkpoint/rule-checkpoint.js';
import type { Outcome } from '../contract/events.js';
import type { Source } from '../contract/plugin.js';
import type { CompiledSource } from '../rule/compiled-rule.js';

/** A state (or an occurrence) that may need a delivery. */
export interface Observation extends KeyState {
  readonly source: CompiledSource;
  readonly instance: Source;
  readonly data?: unknown;
  /** When the runtime was told, in milliseconds since the epoch. */
  readonly observedAtMs: number;
  /** Set for occurrences: they queue up in order, where states replace one another. */
  readonly occurrence?: { readonly settled?: (outcome: Outcome) => void };
  /** Set for a run that a person asked for. */
  readonly manual?: { readonly by: string };
}
