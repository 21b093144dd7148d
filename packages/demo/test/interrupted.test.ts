import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

// Processes are looked for in /proc, which Linux has.
it.skipIf(process.platform !== 'linux')(
  'a demo that is ended midway leaves no operator, no folder and no success',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'interrupted-'));
    const main = join(import.meta.dirname, '../dist/main.js');
    const demo = spawn(process.execPath, [main], {
      env: { ...process.env, TMPDIR: dir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exit = once(demo, 'exit');
    for await (const line of createInterface({ input: demo.stdout })) if (line.includes('becomes Ready')) break;
    expect(await commandsNaming(dir)).toHaveLength(1);
    demo.kill('SIGTERM');
    expect(await exit).toEqual([130, null]);
    expect(await commandsNaming(dir)).toEqual([]);
    expect(await readdir(dir)).toEqual([]);
    await rm(dir, { recursive: true });
  },
);

/** Processes with the folder on their command line: the operator, which got its kubeconfig from there. */
async function commandsNaming(dir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return commands.filter((command) => command.includes(dir));
}
