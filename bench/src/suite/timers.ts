import { type Action, createRuntime, defineAction, type Delivery } from '@kube-trigger/core';
import { timer, type TimerEventData } from '@kube-trigger/source-timer';
import { Type } from 'typebox';
import { percentile } from '../judge.js';
import { pause } from '../pause.js';

/** A program of its own: `timers.js ORDER`, ORDER being JSON. Reports to its parent and waits to be killed. */
export interface TimersOrder {
  readonly timers: number;
  readonly seconds: number;
  /** Dealt out in turn. */
  readonly schedules: readonly string[];
}

export interface TimersReport {
  readonly fired: number;
  /** From the instant of the schedule to the call of the action. */
  readonly lateMs: { readonly p50: number; readonly p99: number };
  readonly cpuMs: number;
  readonly rssMiB: number;
}

const lateMs: number[] = [];

class Note implements Action {
  run(_config: unknown, { event }: Delivery) {
    const { scheduledAt } = event.data as TimerEventData;
    lateMs.push(Date.now() - Date.parse(scheduledAt));
    return Promise.resolve({ outcome: 'done' as const, targets: [] });
  }
}

const note = defineAction({
  name: 'note',
  summary: 'Notes how late it is called.',
  config: Type.Object({}, { additionalProperties: false }),
  semantics: 'edge',
  rbac: [],
  useClass: Note,
});

/** Compiled code and first checkpoints are made by then. */
const WARM_MS = 3000;

async function main({ timers, seconds, schedules }: TimersOrder): Promise<void> {
  const rule = (i: number) => ({
    sources: [{ timer: { schedule: schedules[i % schedules.length] } }],
    actions: [{ note: {} }],
  });
  const rules = Object.fromEntries(Array.from({ length: timers }, (_, i) => [`timer-${i}`, rule(i)]));
  await using runtime = createRuntime({ plugins: [timer, note], rules });
  await runtime.start();
  await pause(WARM_MS);
  lateMs.length = 0;
  const cpu = process.cpuUsage();
  await pause(seconds * 1000);
  const { user, system } = process.cpuUsage(cpu);
  const report: TimersReport = {
    fired: lateMs.length,
    lateMs: { p50: percentile(lateMs, 50) ?? Number.NaN, p99: percentile(lateMs, 99) ?? Number.NaN },
    cpuMs: (user + system) / 1000,
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
  };
  process.send?.(report);
  await new Promise((resolve) => process.once('disconnect', resolve));
}

await main(JSON.parse(process.argv[2] ?? '') as TimersOrder);
