import type { Stage } from './stage.js';

/** What a figure should come to. */
export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** One measured number. */
export interface Figure {
  /** Unique within its scenario, and the same from run to run: `baseline.json` names it. */
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | 's' | 'µs' | 'MiB' | 'requests' | 'changes' | 'collections' | 'events/s' | '%' | '×' | 'bytes';
  /** What issue and README promise, for the full run on a quiet machine. Absent: told for information. */
  readonly target?: Target;
}

export interface Scenario {
  /** `B1`. */
  readonly id: string;
  /** What it measures, in a line. */
  readonly title: string;
  /** Why it cannot be run with a peer's controller; absent: it can. */
  readonly notAgainst?: string;
  /** Why it has no short form; absent: `--quick` runs it. */
  readonly notQuick?: string;
  /** Sets up, measures, and leaves what it started to the stage. Rejects when it could not measure. */
  run(stage: Stage): Promise<readonly Figure[]>;
}

export function isReached({ value, target }: Pick<Figure, 'value' | 'target'>): boolean {
  if (target === undefined) return true;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}
