export interface Alarm {
  readonly dueMs: number;
  readonly ring: () => void;
  /** Its place in the heap; -1 when it is in none. */
  index: number;
}

/** A binary heap, the earliest alarm first, from which any alarm can be removed. */
export class AlarmHeap {
  readonly #alarms: Alarm[] = [];

  get size(): number {
    return this.#alarms.length;
  }

  get first(): Alarm | undefined {
    return this.#alarms[0];
  }

  add(alarm: Alarm): void {
    this.#put(alarm, this.#alarms.length);
    this.#rise(alarm);
  }

  /** Does nothing when it is not there any more. */
  remove(alarm: Alarm): void {
    const { index } = alarm;
    if (index < 0) return;
    alarm.index = -1;
    const last = this.#alarms.pop();
    if (last === undefined || last === alarm) return;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  /** Removes and returns all that are due at `untilMs`, the earliest first. */
  takeUntil(untilMs: number): Alarm[] {
    const taken: Alarm[] = [];
    for (let first = this.first; first !== undefined && first.dueMs <= untilMs; first = this.first) {
      this.remove(first);
      taken.push(first);
    }
    return taken;
  }

  #put(alarm: Alarm, index: number): void {
    this.#alarms[index] = alarm;
    alarm.index = index;
  }

  #rise(alarm: Alarm): void {
    while (alarm.index > 0) {
      const parent = this.#alarms[(alarm.index - 1) >> 1];
      if (parent === undefined || parent.dueMs <= alarm.dueMs) return;
      this.#swap(alarm, parent);
    }
  }

  #sink(alarm: Alarm): void {
    for (;;) {
      const left = this.#alarms[2 * alarm.index + 1];
      const right = this.#alarms[2 * alarm.index + 2];
      const child = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (child === undefined || alarm.dueMs <= child.dueMs) return;
      this.#swap(child, alarm);
    }
  }

  #swap(upward: Alarm, downward: Alarm): void {
    const { index } = downward;
    this.#put(downward, upward.index);
    this.#put(upward, index);
  }
}
