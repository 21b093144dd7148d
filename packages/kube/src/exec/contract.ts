/** One command in one container; it gets no stdin and no terminal. */
export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  /** May be left out where the pod has only one. */
  readonly container?: string | undefined;
  /** Program and arguments. No shell is put around them. */
  readonly command: readonly string[];
}

export interface ExecOptions {
  /** Ends the connection at once; the promise then rejects with the signal's reason. What was started may go on in the container. */
  readonly signal?: AbortSignal | undefined;
  /** How long the command may take. Default: as long as the connection lives; one that is silent is noticed after half a minute. */
  readonly timeoutMs?: number | undefined;
  /** The last bytes of each stream that are kept. Default 4,096. */
  readonly tailBytes?: number | undefined;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: OutputTail;
  readonly stderr: OutputTail;
}

/** The end of what was written, however much that was. */
export interface OutputTail {
  readonly bytes: Buffer;
  /** How many there were in all. */
  readonly total: number;
}
