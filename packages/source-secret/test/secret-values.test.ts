import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, startEmbedded, type TestCluster } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Command } from './heap/watcher.js';
import { encoded } from './world.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SECRETS = 1000;
const UPDATES = 50;

/** 15 characters, so that base64 of a text that begins with it begins with base64 of it. */
const marker = () => `Marker${randomBytes(8).toString('hex').slice(0, 9)}`;
const LISTED = marker();
const WATCHED = marker();
const HELD_STRING = marker();
const HELD_BYTES = marker();

/** As it stands in a Secret's body. */
const inBase64 = (text: string) => Buffer.from(text).toString('base64');

describe('no value of a Secret survives digesting', () => {
  let cluster: TestCluster;
  let watcher: Watcher;
  let folder: string;
  let found: Record<string, boolean>;
  beforeAll(async () => {
    // The watcher runs as users run it, since node itself cannot run decorated TypeScript.
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-b', 'packages/source-secret'], {
      cwd: ROOT,
      stdio: 'inherit',
    });
    cluster = await startEmbedded({ controllers: false });
    folder = await mkdtemp(join(tmpdir(), 'kube-trigger-heap-'));
    watcher = new Watcher();
    const [namespace, control] = await Promise.all([
      cluster.createNamespace('watched'),
      cluster.createNamespace('own'),
    ]);
    const put = (at: string, name: string, data: Record<string, string>) => putSecret(cluster, [at, name], data);
    await put(control, 'held', { string: `${HELD_STRING} kept`, bytes: `${HELD_BYTES} kept` });
    for (let i = 0; i < SECRETS; i += 1) {
      const value = `${LISTED} ${i} ${'long value '.repeat(i % 40)}`;
      await put(namespace, `secret-${i}`, { password: value, short: `${LISTED}${i}` });
    }
    const { url: server, ca, token } = cluster;
    await watcher.ask({ do: 'watch', orders: { server, ca, token, namespace, control } }, ({ held }) => held);
    await watcher.until(SECRETS);
    for (let i = 0; i < UPDATES; i += 1) {
      await put(namespace, `secret-${i}`, { password: `${WATCHED} ${i} ${'long value '.repeat(i)}` });
    }
    await watcher.until(SECRETS + UPDATES);
    const path = join(folder, 'watcher.heapsnapshot');
    await watcher.ask({ do: 'snapshot', path }, ({ snapshot }) => snapshot);
    found = await search(
      path,
      [LISTED, WATCHED, HELD_STRING].flatMap((text) => [text, inBase64(text)]),
    );
  });
  afterAll(async () => {
    watcher?.stop();
    await cluster?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  it('in a heap snapshot, in which a kept one is found', () => {
    expect(found[inBase64(HELD_STRING)]).toBe(true);
    const values = [LISTED, WATCHED].flatMap((text) => [text, inBase64(text)]);
    expect(values.filter((text) => found[text])).toEqual([]);
  });
});

async function putSecret(cluster: TestCluster, [namespace, name]: [string, string], data: Record<string, string>) {
  const secrets = `/api/v1/namespaces/${namespace}/secrets`;
  const body = { metadata: { name }, data: encoded(data) };
  const replaced = await cluster.request('PUT', `${secrets}/${name}`, body);
  const answer = replaced.status === 404 ? await cluster.request('POST', secrets, body) : replaced;
  if (answer.status > 201) throw new Error(`${name}: ${answer.status} ${answer.text}`);
}

/** The process that is looked at. */
class Watcher {
  readonly #child: ChildProcess;
  readonly #answers: Answer[] = [];

  constructor() {
    this.#child = fork(fileURLToPath(new URL('heap/watcher.ts', import.meta.url)), {
      // Strings are cut in snapshots otherwise.
      execArgv: ['--expose-gc', '--heap-snapshot-string-limit=1000000000'],
    });
    this.#child.on('message', (answer: Answer) => this.#answers.push(answer));
  }

  /** Waits for the first answer to this command of which `pick` makes something. */
  async ask<T>(command: Command, pick: (answer: Answer) => T): Promise<NonNullable<T>> {
    const from = this.#answers.length;
    this.#child.send(command);
    return eventually(() => this.#answers.slice(from).map(pick).find(Boolean) ?? this.#failure(), {
      timeoutMs: 60_000,
      because: `no answer to ${command.do}`,
    }) as Promise<NonNullable<T>>;
  }

  /** Waits until so many states were said. */
  async until(states: number): Promise<void> {
    await eventually(() => this.#answers.at(-1)?.states === states || this.#failure(), {
      timeoutMs: 60_000,
      because: `not ${states} states`,
    });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #failure(): undefined {
    const failure = this.#answers.find(({ failed }) => failed !== undefined)?.failed;
    if (failure !== undefined) throw new Error(failure);
    if (this.#child.exitCode !== null) throw new Error(`the watcher ended with ${this.#child.exitCode}`);
    return undefined;
  }
}

/** Which texts a file has, wherever its chunks are cut. */
async function search(path: string, texts: readonly string[]): Promise<Record<string, boolean>> {
  const longest = Math.max(...texts.map(({ length }) => length));
  const found = Object.fromEntries(texts.map((text) => [text, false]));
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 4 << 20 })) {
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    for (const text of texts) found[text] ||= bytes.includes(text);
    rest = bytes.subarray(-longest);
  }
  return found;
}
