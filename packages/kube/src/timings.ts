/** Every wait of this package, in one place, so that tests can shrink them. Production uses `DEFAULT_TIMINGS`. */
export interface KubeTimings {
  /** A whole ordinary request, its repetitions included. */
  readonly requestTimeoutMs: number;
  /** TCP and TLS. */
  readonly connectTimeoutMs: number;
  /** From sending a list page or watch to its headers, and between two chunks of a list page. */
  readonly answerTimeoutMs: number;
  /** `timeoutSeconds` of a watch is drawn from this range, so that thousands of watches do not end together. */
  readonly watchSeconds: readonly [min: number, max: number];
  /** A watch that outlives its `timeoutSeconds` by this is replaced. */
  readonly watchOverrunMs: number;
  /** A watch that said nothing for this long (± 20 %) is probed. */
  readonly probeAfterMs: number;
  /** Until a probe must be answered, per try (there are two). */
  readonly probeTimeoutMs: number;
  /** `timeoutSeconds` of a probe. A kube-apiserver sends a bookmark two seconds before the end, so at least 3. */
  readonly probeSeconds: number;
  /** What a probe saw must reach the watch itself within this. */
  readonly probeGraceMs: number;
  /** A resumed watch that was not refused within this has recovered, if nothing told so earlier. */
  readonly confirmAfterMs: number;
  /** A watch that lived this long was a success: the next failure starts at the short end of the backoff. */
  readonly settledAfterMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** A running command from which nothing came for this long is pinged. */
  readonly execPingMs: number;
  /** A command's connection from which nothing came for this long, answers to pings included, is given up. */
  readonly execSilenceMs: number;
  /** Between attempts while RBAC denies. */
  readonly forbiddenRetryMs: readonly [min: number, max: number];
  /** Between attempts while the kind does not exist. */
  readonly missingKindRetryMs: readonly [min: number, max: number];
  /** A watch that was synced once reports a lost connection only after this, since most reconnect at once. */
  readonly interruptedAfterMs: number;
}

export const DEFAULT_TIMINGS: KubeTimings = {
  requestTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  answerTimeoutMs: 15_000,
  watchSeconds: [240, 480],
  watchOverrunMs: 30_000,
  probeAfterMs: 25_000,
  probeTimeoutMs: 5_000,
  probeSeconds: 3,
  probeGraceMs: 2_000,
  confirmAfterMs: 1_000,
  settledAfterMs: 5_000,
  backoffBaseMs: 500,
  backoffCapMs: 30_000,
  execPingMs: 10_000,
  execSilenceMs: 25_000,
  forbiddenRetryMs: [30_000, 50_000],
  missingKindRetryMs: [10_000, 20_000],
  interruptedAfterMs: 5_000,
};
