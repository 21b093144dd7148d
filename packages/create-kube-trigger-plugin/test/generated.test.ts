import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../src/index.js';

const ROOT = join(import.meta.dirname, '../../..');
const run = promisify(execFile);
/** Whatever else the machine does. */
const WITHIN_MS = 300_000;

/** As an author has it: all from tarballs, nothing of this workspace in reach. */
const home = mkdtempSync(join(tmpdir(), 'kube-trigger-author-'));
const packages = join(home, 'packed');

async function inProject(name: string, ...command: string[]): Promise<string> {
  const [program = '', ...args] = command;
  try {
    const { stdout } = await run(program, args, { cwd: join(home, name), maxBuffer: 1e8 });
    return stdout;
  } catch (thrown) {
    const { stdout = '', stderr = '' } = thrown as { stdout?: string; stderr?: string };
    throw new Error(`${command.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: thrown });
  }
}

beforeAll(async () => {
  await run(process.execPath, [join(ROOT, 'scripts/pack.mjs'), packages]);
  const own = (await readdir(packages)).find((file) => file.startsWith('create-kube-trigger-plugin-')) ?? '';
  writeFileSync(join(home, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--no-save', join(packages, own)], { cwd: home });
  const create = join(home, 'node_modules/.bin/create-kube-trigger-plugin');
  for (const kind of KINDS) await run(create, [`my-${kind}`, '--kind', kind, '--packages', packages], { cwd: home });
  await run('npm', ['install', '--prefer-offline'], { cwd: join(home, 'my-action') });
  // All kinds need the same, so once is enough.
  for (const kind of ['source', 'filter'])
    symlinkSync(join(home, 'my-action/node_modules'), join(home, `my-${kind}/node_modules`));
}, WITHIN_MS);
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('a plugin that was created outside the workspace', () => {
  it.each(KINDS)(
    'of kind %s passes its own tests as it is',
    async (kind) => {
      const report = join(home, `${kind}.json`);
      await inProject(`my-${kind}`, 'npm', 'test', '--', '--reporter=json', `--outputFile=${report}`);
      const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
      expect(numPassedTests).toBeGreaterThan(15);
      expect(numTotalTests).toBeGreaterThanOrEqual(numPassedTests ?? 0);
    },
    WITHIN_MS,
  );

  it.each<[what: string, changes: readonly (readonly [good: string, bad: string])[], messages: readonly RegExp[]]>([
    [
      'types that do not fit',
      [
        ['key, change })', 'key, change, room })'],
        ['run({ url, text }', 'run({ url, texts }'],
      ],
      [/error TS\d+: .*'room'/, /error TS\d+: .*'texts'/],
    ],
    [
      'a broken contract',
      [["'idempotency-key': id", "'idempotency-key': String(Math.random())"]],
      [/sends the same id/],
    ],
  ])(
    'does not pass with %s',
    async (_, changes, messages) => {
      const file = join(home, 'my-action/src/index.ts');
      const text = readFileSync(file, 'utf8');
      for (const [good] of changes) expect(text).toContain(good);
      writeFileSync(
        file,
        changes.reduce((before, [good, bad]) => before.replace(good, bad), text),
      );
      try {
        const failure = await inProject('my-action', 'npm', 'test').catch(String);
        for (const message of messages) expect(failure).toMatch(message);
      } finally {
        writeFileSync(file, text);
      }
    },
    WITHIN_MS,
  );

  it(
    'is built, packed without its tests, and taken by the operator',
    async () => {
      const packed = await inProject('my-action', 'npm', 'pack', '--json', '--loglevel=error');
      const names = [...packed.matchAll(/"path": "([^"]+)"/g)].map(([, path]) => path);
      expect(names.toSorted()).toEqual([
        'README.md',
        'dist/config.d.ts',
        'dist/config.js',
        'dist/index.d.ts',
        'dist/index.js',
        'package.json',
      ]);
      const described = await inProject(
        'my-action',
        'npx',
        'kube-trigger',
        'plugins',
        'describe',
        'myAction',
        '--plugin',
        '.',
      );
      expect(described).toContain('action myAction: Posts a message to a URL.');
    },
    WITHIN_MS,
  );

  it(
    'runs in a cluster of its own by npm run dev',
    async () => {
      const port = String(await freePort());
      for (const file of ['package.json', 'example/rule.yaml']) {
        const path = join(home, 'my-action', file);
        writeFileSync(path, readFileSync(path, 'utf8').replaceAll('8090', port));
      }
      const dev = new Dev(join(home, 'my-action'));
      try {
        await dev.said('plugins: action myAction');
        await dev.said('default/example: Ready');
        const rule = join(home, 'my-action/example/rule.yaml');
        writeFileSync(rule, readFileSync(rule, 'utf8').replace('greeting: hello', 'greeting: hallo'));
        await dev.said('inbox: POST /hook {"text":"the configuration changed","key":"ConfigMap/default/app-config"');
        await dev.said('→ myAction[0] done http://127.0.0.1');
      } finally {
        await dev.end();
      }
      expect(existsSync(dev.kubeconfig)).toBe(false);
    },
    WITHIN_MS,
  );
});

/** `npm run dev`, ended as by Ctrl-C: the signal goes to all of its processes. */
class Dev {
  readonly #child: ChildProcess;
  #output = '';

  constructor(cwd: string) {
    this.#child = spawn('npm', ['run', 'dev'], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  get kubeconfig(): string {
    return /KUBECONFIG=(\S+)/.exec(this.#output)?.[1] ?? '/';
  }

  async said(text: string): Promise<void> {
    try {
      await eventually(() => this.#output.includes(text), { because: `it should say ${text}`, timeoutMs: 60_000 });
    } catch (thrown) {
      throw new Error(`${String(thrown)}; it said:\n${this.#output}`, { cause: thrown });
    }
  }

  async end(): Promise<void> {
    const closed = once(this.#child, 'close');
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGINT');
    await closed;
  }
}
