import type { ActiveFault, CutKind } from './fault-rules.js';

/** What to do next with an answer's body: send these bytes, then perhaps end the connection. */
export interface BodyStep {
  readonly chunks: readonly Buffer[];
  readonly cut?: CutKind;
}

/** Decides byte by byte what of an answer's body reaches the client. */
export class BodyEffects {
  readonly #bytesPerChunk: number;
  readonly #cut: CutKind | undefined;
  #bytesLeft = Infinity;
  #linesLeft = Infinity;

  constructor(faults: readonly ActiveFault[]) {
    let bytesPerChunk = Infinity;
    for (const { effect } of faults) {
      if ('bytesPerChunk' in effect) bytesPerChunk = effect.bytesPerChunk;
      if (!('cut' in effect) || typeof effect.after !== 'object') continue;
      this.#cut = effect.cut;
      if ('bytes' in effect.after) this.#bytesLeft = effect.after.bytes;
      else this.#linesLeft = effect.after.lines;
    }
    this.#bytesPerChunk = bytesPerChunk;
  }

  /** `data` as it came from the server. */
  step(data: Buffer): BodyStep {
    const passing = this.#cut === undefined ? data.length : this.#lengthBeforeCut(data);
    const chunks = pieces(data.subarray(0, passing), this.#bytesPerChunk);
    return passing < data.length && this.#cut !== undefined ? { chunks, cut: this.#cut } : { chunks };
  }

  #lengthBeforeCut(data: Buffer): number {
    if (this.#bytesLeft !== Infinity) {
      const passing = Math.min(this.#bytesLeft, data.length);
      this.#bytesLeft -= passing;
      return passing;
    }
    let start = 0;
    for (;;) {
      const end = data.indexOf(0x0a, start);
      if (this.#linesLeft > 0) {
        if (end === -1) return data.length;
        this.#linesLeft -= 1;
        start = end + 1;
      } else {
        // Half of what is here of the line, but never its newline. Nothing here yet: wait for more.
        const rest = (end === -1 ? data.length : end) - start;
        return start === data.length ? start : start + Math.floor(rest / 2);
      }
    }
  }
}

function pieces(data: Buffer, size: number): Buffer[] {
  if (data.length === 0) return [];
  if (size >= data.length) return [data];
  return Array.from({ length: Math.ceil(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size));
}
