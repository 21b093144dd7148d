// A process that watches Secrets and nothing else, so that what its memory holds can be looked at. Run by node from what was built:
// `secret-values.test.ts` starts it and talks to it over IPC. Keeps what an operator keeps: a revision per key.
import { Session } from 'node:inspector/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import type { Logger, SourceContext } from '@kube-trigger/core';
import { createKubeClient, digestKeyProvider, staticAuth, WELL_KNOWN } from '@kube-trigger/kube';
import { SecretSource } from '@kube-trigger/source-secret';
import { asyncScheduler } from 'rxjs';

export interface Orders {
  readonly server: string;
  readonly ca: string | undefined;
  readonly token: string;
  readonly namespace: string;
  /** A namespace with one Secret, `held`, whose body is kept on purpose. */
  readonly control: string;
}

export type Command =
  | { readonly do: 'watch'; readonly orders: Orders }
  | { readonly do: 'snapshot'; readonly path: string }
  /** Needles are sent reversed, so that the message itself is not found. */
  | { readonly do: 'scan'; readonly reversed: readonly string[] };

export interface Answer {
  /** Distinct states said so far. */
  readonly states?: number;
  readonly snapshot?: string;
  /** How many live ArrayBuffers there are, and how many of them have each needle, in their order. */
  readonly scanned?: number;
  readonly found?: readonly number[];
  /** How many WebAssembly memories have each needle: these belong to undici's parser, which keeps the last bytes that it was given. */
  readonly foundInParser?: readonly number[];
  readonly held?: boolean;
  readonly failed?: string;
}

const held: unknown[] = [];
const revisions = new Set<string>();

const silent: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

async function watch({ server, ca, token, namespace, control }: Orders): Promise<Answer> {
  const client = createKubeClient({ auth: staticAuth({ server, ca, token }), logger: silent });
  const body = await client.get({ resource: WELL_KNOWN.Secret, namespace: control, name: 'held' });
  const { data } = body as unknown as { data: { string: string; bytes: string } };
  held.push(data.string, Uint8Array.from(Buffer.from(data.bytes, 'base64')));
  const context: SourceContext = {
    rule: { namespace, name: 'example', uid: 'uid' },
    logger: silent,
    scheduler: asyncScheduler,
    random: Math.random,
    settledRevision: () => undefined,
    recall: () => undefined,
    signal: new AbortController().signal,
  };
  const source = new SecretSource(client, digestKeyProvider(client, control));
  source.open({ on: ['created', 'updated'] }, context).subscribe((event) => {
    if (event.change === 'present') revisions.add(event.revision);
    if (event.change === 'degraded') say({ failed: event.error.explanation });
    else say({ states: revisions.size });
  });
  return { held: true };
}

/** Everything that is garbage is collected: parsers and sockets let go of what they hold in turns of the event loop. */
async function collect(): Promise<void> {
  for (let i = 0; i < 5; i += 1) {
    await turn();
    globalThis.gc?.();
  }
}

async function snapshot(path: string): Promise<Answer> {
  await collect();
  return { snapshot: writeHeapSnapshot(path) };
}

/** Looks at the bytes of every ArrayBuffer that is alive, which a heap snapshot does not show. */
async function scan(reversed: readonly string[]): Promise<Answer> {
  const session = new Session();
  session.connect();
  const all = async (expression: string) => {
    const { result } = await session.post('Runtime.evaluate', { expression });
    const { objects } = await session.post('Runtime.queryObjects', { prototypeObjectId: result.objectId ?? '' });
    return objects.objectId ?? '';
  };
  const { result } = await session.post('Runtime.callFunctionOn', {
    objectId: await all('ArrayBuffer.prototype'),
    functionDeclaration: String(countNeedles),
    arguments: [{ objectId: await all('WebAssembly.Memory.prototype') }, { value: reversed }],
    returnByValue: true,
  });
  session.disconnect();
  return result.value as Answer;
}

/** Called by the inspector with all buffers as `this`. */
function countNeedles(this: ArrayBuffer[], memories: { readonly buffer: ArrayBuffer }[], reversed: string[]): Answer {
  const parsers = new Set(memories.map(({ buffer }) => buffer));
  const ours = this.filter((buffer) => !parsers.has(buffer));
  const needles = reversed.map((text) => text.split('').toReversed().join(''));
  const count = (buffers: Iterable<ArrayBuffer>) =>
    needles.map((needle) => [...buffers].filter((buffer) => Buffer.from(buffer).includes(needle)).length);
  return { scanned: ours.length, found: count(ours), foundInParser: count(parsers) };
}

function say(answer: Answer): void {
  process.send?.(answer);
}

function obey(command: Command): Promise<Answer> {
  if (command.do === 'watch') return watch(command.orders);
  return command.do === 'snapshot' ? snapshot(command.path) : scan(command.reversed);
}

process.on('message', (command: Command) => {
  obey(command).then(say, (error: unknown) => say({ failed: String(error) }));
});
