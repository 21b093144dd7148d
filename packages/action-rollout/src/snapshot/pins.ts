/** Snapshots that deliveries under way are about to point to, over all rules of a client: nobody may collect them. */
export class Pins {
  readonly #counts = new Map<string, number>();

  /** Returns what lets go of it. */
  pin(snapshot: string): () => void {
    this.#counts.set(snapshot, (this.#counts.get(snapshot) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.#counts.get(snapshot) ?? 1) - 1;
      if (left === 0) this.#counts.delete(snapshot);
      else this.#counts.set(snapshot, left);
    };
  }

  has(snapshot: string): boolean {
    return this.#counts.has(snapshot);
  }

  now(): ReadonlySet<string> {
    return new Set(this.#counts.keys());
  }
}

/** How a pin names a snapshot. */
export function pinOf(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
