/** What `kube-trigger` exits with. Scripts rely on these. */
export const EXIT = {
  ok: 0,
  /** The command was carried out and something is wrong (findings), or it failed. */
  failed: 1,
  /** Wrong usage: an unknown command or option, a file that cannot be read. */
  usage: 2,
} as const;

/** Ends a command that has said what there is to say already. */
export class Finished extends Error {
  override readonly name = 'Finished';

  constructor(readonly exitCode: number) {
    super(`exit code ${exitCode}`);
  }
}

/** What a command rejects with when it was used wrongly: printed without a stack, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
