import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { eventually } from '../src/eventually.js';
import { ProcessGroup } from '../src/process-group.js';

const tempDir = () => mkdtempSync(join(tmpdir(), 'process-group-'));

describe('ProcessGroup', () => {
  it('stops what it started and removes its directory', async () => {
    const dir = tempDir();
    const group = new ProcessGroup(dir);
    const sleeper = await group.start('sleeper', '/bin/sleep', ['1000']);
    expect(isAlive(sleeper.pid)).toBe(true);
    await group.dispose();
    expect(isAlive(sleeper.pid)).toBe(false);
    expect(sleeper.exited()).toBe('SIGKILL');
    expect(existsSync(dir)).toBe(false);
  });

  it('kills a program that ignores SIGTERM once its grace is over', async () => {
    const group = new ProcessGroup(tempDir());
    const stubborn = await group.start('stubborn', '/bin/sh', [
      '-c',
      "trap '' TERM; echo ready; while :; do sleep 0.05; done",
    ]);
    await eventually(() => stubborn.logTail() === 'ready');
    await stubborn.stop({ graceMs: 50 });
    expect(stubborn.exited()).toBe('SIGKILL');
    await group.dispose();
  });

  it('tells how a program ended and what it said last', async () => {
    const group = new ProcessGroup(tempDir());
    const failing = await group.start('failing', '/bin/sh', ['-c', 'echo no such flag >&2; exit 3']);
    await eventually(() => failing.exited());
    expect(failing.exited()).toBe('exit code 3');
    expect(failing.logTail()).toBe('no such flag');
    await group.dispose();
  });

  it('leaves no process and no file behind when its owner is killed with SIGKILL', async () => {
    const dir = tempDir();
    const owner = spawn(process.execPath, ['--input-type=module', '-e', OWNER, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] =
      (await createInterface({ input: owner.stdout })[Symbol.asyncIterator]().next()).value?.split('\n') ?? [];
    const [stopped, left] = JSON.parse(line ?? '') as number[] as [number, number];
    expect(isAlive(stopped)).toBe(false);
    expect(isAlive(left)).toBe(true);

    owner.kill('SIGKILL');
    await eventually(() => !isAlive(left) && !existsSync(dir), { because: 'the watchdog should clean up' });
  });
});

/** Starts two programs, stops one, prints both pids and stays. Node strips the types of the imported source by itself. */
const OWNER = `
  const { ProcessGroup } = await import(${JSON.stringify(new URL('../src/process-group.ts', import.meta.url).href)});
  const group = new ProcessGroup(process.argv[1]);
  const one = await group.start('one', '/bin/sleep', ['1000']);
  const two = await group.start('two', '/bin/sleep', ['1000']);
  await one.stop();
  console.log(JSON.stringify([one.pid, two.pid]));
  setInterval(() => {}, 1000);
`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
