/** One write of a source's state. Times are milliseconds of one monotonic clock. */
export interface Write {
  readonly state: number;
  /** When the request that succeeded was sent. */
  readonly sentAtMs: number;
}

/** One change of a target's pod template. */
export interface Roll {
  /** Undefined when nothing tells which state it brought. */
  readonly state: number | undefined;
  readonly seenAtMs: number;
  readonly generation: number;
  /** Generations between this one and the one before that were not seen, because the recorder's watch had a gap. */
  readonly unseen: number;
}

export interface Verdict {
  /** Distinct states in a row that the source went through, its first one not counted. */
  readonly changes: number;
  readonly rolls: number;
  /** The last state that did not arrive, if so. */
  readonly missing: readonly number[];
  /** Rolls that brought what the target had, or more rolls than states. */
  readonly duplicates: readonly Roll[];
  /** Rolls that brought a state older than the one before. */
  readonly outOfOrder: readonly Roll[];
  /** Rolls to a state that the source never had, or that cannot be told. */
  readonly unexplained: readonly Roll[];
  /** From a write to the roll that brought exactly that state. */
  readonly latenciesMs: readonly number[];
}

export interface Evidence {
  /** The state that the target had before the first write. */
  readonly initial: number;
  /** In order, repeated states included. */
  readonly writes: readonly Write[];
  readonly rolls: readonly Roll[];
}

/**
 * Compares what a source went through with what its target was given, once all is quiet.
 *
 * The rolled states must be a subsequence of the source's: a state may be skipped (it was superseded), but each roll stands for one
 * position in the source's history, later than the roll before it. A state that comes back is a position of its own.
 */
export function judge({ initial, writes, rolls }: Evidence): Verdict {
  const history = positionsOf(initial, writes);
  const latenciesMs: number[] = [];
  const duplicates: Roll[] = [];
  const outOfOrder: Roll[] = [];
  const unexplained: Roll[] = [];
  let at = 0;
  let has: number | undefined = initial;
  for (const roll of rolls) {
    const again = roll.unseen === 0 && roll.state === has;
    has = roll.state;
    const next = history.findIndex(({ state }, index) => index > at + roll.unseen && state === roll.state);
    if (again) duplicates.push(roll);
    else if (next >= 0) {
      at = next;
      latenciesMs.push(roll.seenAtMs - (history[next]?.sentAtMs ?? 0));
    } else if (roll.unseen > 0) duplicates.push(roll);
    else if (history.some(({ state }) => state === roll.state)) outOfOrder.push(roll);
    else unexplained.push(roll);
  }
  const last = history.at(-1)?.state ?? initial;
  return {
    changes: history.length - 1,
    rolls: rolls.reduce((sum, { unseen }) => sum + 1 + unseen, 0),
    missing: (rolls.at(-1)?.state ?? initial) === last ? [] : [last],
    duplicates,
    outOfOrder,
    unexplained,
    latenciesMs,
  };
}

/** The source's states with writes of what it had already left out; the first is where it began. */
function positionsOf(initial: number, writes: readonly Write[]): Write[] {
  const history: Write[] = [{ state: initial, sentAtMs: 0 }];
  for (const write of writes) if (history.at(-1)?.state !== write.state) history.push(write);
  return history;
}

/** Nearest-rank percentile; undefined of nothing. */
export function percentile(values: readonly number[], percent: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}
