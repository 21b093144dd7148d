import type { FaultEffect, FaultProxy, TestCluster } from '@kube-trigger/testing';
import type { Fleet } from './fleet.js';
import type { TcpLink } from './tcp-link.js';
import { pause } from './pause.js';

/** What can go wrong between the operators and the API server. */
export const FAULTS = ['freeze', 'rst', 'fin', 'midline', '429', '500', '503', 'slow', 'drip'] as const;
export type FaultName = (typeof FAULTS)[number];

export interface Between {
  readonly link: TcpLink;
  readonly proxy: FaultProxy;
}

const ANSWER_MS = 5000;

const EFFECTS: Partial<Record<FaultName, FaultEffect>> = {
  429: { answer: 429, retryAfterSeconds: 1 },
  500: { answer: 500 },
  503: { answer: 503 },
  slow: { delayMs: 300 },
  drip: { bytesPerChunk: 1 },
};

/** Lets one fault happen; resolves when it is over. Connections that fell silent stay so until the operator gives them up. */
export async function disturb({ link, proxy }: Between, fault: FaultName, signal: AbortSignal): Promise<void> {
  if (fault === 'freeze') link.silence();
  else if (fault === 'rst') link.cut('reset');
  else if (fault === 'fin') link.cut('fin');
  else if (fault === 'midline') proxy.cut('fin', { match: { isWatch: true }, midLine: true });
  else {
    const effect = EFFECTS[fault];
    if (effect === undefined) throw new Error(`no effect for ${fault}`);
    const injected = proxy.inject({}, effect);
    // Open watches do not notice what happens to new requests.
    link.cut('fin');
    await pause(ANSWER_MS, signal);
    injected.remove();
  }
}

export interface DisturbanceOptions {
  readonly cluster: TestCluster;
  readonly fleet: Fleet;
  readonly between: Between;
  /** 0: never. All in milliseconds. */
  readonly killEveryMs: number;
  readonly restartApiserverEveryMs: number;
  readonly faultEveryMs: number;
  readonly faults: readonly FaultName[];
  /** Told of each disturbance. */
  readonly onDisturbance: (what: string) => void;
}

/** Kills, restarts and faults, each at its own pace, until the signal aborts; resolves when all of them are over. */
export async function disturbUntil(signal: AbortSignal, options: DisturbanceOptions): Promise<void> {
  const { cluster, fleet, between, faults, onDisturbance } = options;
  let next = 0;
  await Promise.all([
    every(options.killEveryMs, signal, async () => {
      if (await fleet.killLeader()) onDisturbance('kill');
    }),
    every(options.restartApiserverEveryMs, signal, async () => {
      onDisturbance('restart');
      await cluster.restart();
    }),
    every(faults.length === 0 ? 0 : options.faultEveryMs, signal, async () => {
      const fault = faults[next % faults.length];
      next += 1;
      if (fault === undefined) return;
      onDisturbance(fault);
      await disturb(between, fault, signal);
    }),
  ]);
}

async function every(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  if (ms === 0) return;
  for (;;) {
    await pause(ms, signal);
    if (signal.aborted) return;
    await work();
  }
}
