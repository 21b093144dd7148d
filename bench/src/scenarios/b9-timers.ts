import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Scenario } from '../suite/scenario.js';
import type { Stage } from '../suite/stage.js';
import type { TimersOrder, TimersReport } from '../suite/timers.js';

const FULL = { timers: 10_000, seconds: 60, idleSeconds: 30 };
const QUICK = { timers: 1000, seconds: 10, idleSeconds: 10 };

/** Timers as rules in a process of their own, without Kubernetes: no API server can make them late. */
export const b9: Scenario = {
  id: 'B9',
  title: 'many timers: how late they fire, and what they cost while they wait',
  notAgainst: 'peers have no timers to compare',
  async run(stage) {
    const { timers, seconds, idleSeconds } = stage.quick ? QUICK : FULL;
    stage.progress(`${timers} timers, one every minute each, for ${seconds} s`);
    // Of every minute each second has its share of them.
    const schedules = Array.from({ length: 60 }, (_, second) => `${second} * * * * *`);
    const busy = await measured(stage, { timers, seconds, schedules });
    const expected = (timers / 60) * seconds;
    if (busy.fired < expected * 0.8) throw new Error(`only ${busy.fired} of about ${expected} fired`);
    stage.progress(`the same, once a year each, for ${idleSeconds} s`);
    const year = new Date(Date.now() + 180 * 86_400_000);
    const idle = await measured(stage, {
      timers,
      seconds: idleSeconds,
      schedules: [`0 0 ${year.getUTCDate()} ${year.getUTCMonth() + 1} *`],
    });
    if (idle.fired > 0) throw new Error(`${idle.fired} fired although none was due`);
    return [
      { name: 'fired after its instant, p50', value: busy.lateMs.p50, unit: 'ms' },
      { name: 'fired after its instant, p99', value: busy.lateMs.p99, unit: 'ms', target: { atMost: 50 } },
      { name: 'fired per second', value: busy.fired / seconds, unit: 'events/s' },
      { name: 'CPU per timer that fires', value: (busy.cpuMs * 1000) / busy.fired, unit: 'µs' },
      {
        name: 'CPU while none is due',
        value: (idle.cpuMs / (idleSeconds * 1000)) * 100,
        unit: '%',
        target: { atMost: 0.5 },
      },
      { name: 'resident', value: idle.rssMiB, unit: 'MiB' },
    ];
  },
};

async function measured(stage: Stage, order: TimersOrder): Promise<TimersReport> {
  const child = fork(fileURLToPath(new URL('../suite/timers.js', import.meta.url)), [JSON.stringify(order)]);
  stage.use({ [Symbol.dispose]: () => void child.kill('SIGKILL') });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process with the timers ended by itself (${String(code)})`);
  });
  ended.catch(() => undefined); // it ends after its report, too
  const [report] = (await Promise.race([once(child, 'message'), ended])) as [TimersReport];
  return report;
}
