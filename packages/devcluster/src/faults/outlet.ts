import type { ServerResponse } from 'node:http';

/** What happens to bytes on their way out: sent, held back, sent one by one, or cut in the middle with the connection. */
export type OutletMode = 'pass' | 'hold' | 'bytes' | 'truncate';

/**
 * Stands between the handlers and a response's socket. It replaces the `write` and `end` of that one response, so that handlers need
 * not know of faults.
 */
export class Outlet {
  modeOf: () => OutletMode = () => 'pass';
  private readonly waiting: Buffer[] = [];
  private finished = false;
  private sending = false;
  private readonly writeThrough: (chunk: Buffer) => boolean;
  private readonly endThrough: () => void;

  constructor(private readonly response: ServerResponse) {
    const write = response.write.bind(response) as (chunk: Buffer) => boolean;
    const end = response.end.bind(response) as () => void;
    this.writeThrough = write;
    this.endThrough = end;
    response.write = ((chunk: string | Buffer) => this.push(chunk)) as typeof response.write;
    response.end = ((chunk?: string | Buffer) => {
      if (chunk !== undefined && chunk !== null) this.push(chunk);
      this.finished = true;
      this.flush();
      return response;
    }) as typeof response.end;
  }

  /** Sends what is waiting, as far as the mode allows now. */
  flush(): void {
    if (this.sending || this.response.destroyed) return;
    while (this.waiting.length > 0) {
      const mode = this.modeOf();
      if (mode === 'hold') return;
      const chunk = this.waiting.shift();
      if (chunk === undefined) break;
      if (mode === 'truncate') {
        this.truncate(chunk);
        return;
      }
      if (mode === 'bytes') {
        this.sendBytes(chunk, 0);
        return;
      }
      this.writeThrough(chunk);
    }
    if (this.finished && this.modeOf() !== 'hold') this.endThrough();
  }

  private push(chunk: string | Buffer): boolean {
    const mode = this.waiting.length === 0 && !this.sending ? this.modeOf() : 'hold';
    if (mode === 'pass') return this.writeThrough(chunk as Buffer);
    this.waiting.push(Buffer.from(chunk));
    if (mode === 'bytes') this.flush();
    if (mode === 'truncate') {
      const last = this.waiting.pop();
      if (last !== undefined) this.truncate(last);
    }
    return true;
  }

  private truncate(chunk: Buffer): void {
    this.waiting.length = 0;
    this.writeThrough(chunk.subarray(0, Math.ceil(chunk.length / 2)));
    // FIN after the half line, without the chunk that would end the body properly.
    this.response.socket?.end();
  }

  private sendBytes(chunk: Buffer, from: number): void {
    this.sending = true;
    this.writeThrough(chunk.subarray(from, from + 1));
    setImmediate(() => {
      if (this.response.destroyed) return;
      if (from + 1 < chunk.length) this.sendBytes(chunk, from + 1);
      else {
        this.sending = false;
        this.flush();
      }
    });
  }
}
