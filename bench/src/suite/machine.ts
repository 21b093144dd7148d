import { hash } from 'node:crypto';
import { cpus, release, totalmem } from 'node:os';

/** Where figures are from. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
}

export function thisMachine(): Machine {
  const [{ model: cpu } = { model: 'unknown' }] = cpus();
  return {
    cpu,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
}

const ROUNDS = 10;
const DIGESTS = 20_000;

/**
 * What this machine takes for one digest of a short text, in microseconds of CPU: how fast it is at present, which on shared hardware changes by
 * the hour. The best of ten rounds, so that a disturbance does not count.
 */
export function sha256Us(): number {
  return Math.min(...Array.from({ length: ROUNDS }, roundUs));
}

function roundUs(): number {
  const cpu = process.cpuUsage();
  for (let i = 0; i < DIGESTS; i += 1) hash('sha256', `a short text, number ${i}`, 'base64url');
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / DIGESTS;
}
