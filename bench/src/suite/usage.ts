import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What the processes of one group have used, as the kernel counts it. */
export interface GroupUsage {
  /** User and system time since their start, that of children that have ended included. */
  readonly cpuMs: number;
  /** Resident now. */
  readonly rssBytes: number;
  /** The most that each was resident at any moment, summed up. */
  readonly peakRssBytes: number;
  readonly processes: number;
}

/** Kernel clock ticks per second, which `/proc/PID/stat` counts in. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Linux only. Processes that end meanwhile are left out. */
export function usageOfGroup(group: number): GroupUsage {
  const sum = { cpuMs: 0, rssBytes: 0, peakRssBytes: 0, processes: 0 };
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const ticks = ticksOf(pid, group);
      if (ticks === undefined) continue;
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      sum.cpuMs += (ticks * 1000) / TICKS;
      sum.rssBytes += kilobytes(status, 'VmRSS') * 1024;
      sum.peakRssBytes += kilobytes(status, 'VmHWM') * 1024;
      sum.processes += 1;
    } catch {
      // It ended between the listing and the reading.
    }
  }
  return sum;
}

function ticksOf(pid: string, group: number): number | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name is in brackets and may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (Number(fields[2]) !== group) return undefined;
  return fields.slice(11, 15).reduce((ticks, field) => ticks + Number(field), 0);
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
}
