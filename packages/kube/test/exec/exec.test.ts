import { isTriggerError, type TriggerError } from '@kube-trigger/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExecOptions, KubeAuth } from '../../src/index.js';
import { type Command, ExecServer, refusal } from '../support/exec-server.js';
import { liveBufferBytes } from '../support/live-memory.js';
import { eventually, testClient, type TestClient } from '../support/harness.js';

const WEB = { namespace: 'shop', pod: 'web-0', container: 'nginx', command: ['nginx', '-s', 'reload now'] };

let server: ExecServer;
let kube: TestClient;

beforeEach(async () => {
  server = await ExecServer.start();
  kube = clientOf();
});

afterEach(async () => {
  await kube[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function clientOf(auth?: KubeAuth): TestClient {
  const timings = { execPingMs: 50, execSilenceMs: 200, requestTimeoutMs: 1_000 };
  return testClient(server.url, auth === undefined ? { timings } : { timings, auth });
}

const exec = (options?: ExecOptions) => kube.client.exec(WEB, options);

async function errorOf(work: Promise<unknown>): Promise<TriggerError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isTriggerError(error)) throw new Error('no TriggerError', { cause: error });
  return error;
}

const closed = () => eventually(() => server.openSockets === 0 && kube.client.stats().openSockets === 0);

describe('a command that ends', () => {
  it('has its exit code and its output', async () => {
    server.onCommand = async (command) => {
      await command.write(1, 'out');
      await command.write(2, 'err');
      await command.write(1, 'put\n');
      await command.exit(3);
    };
    const { exitCode, stdout, stderr } = await exec();
    expect(exitCode).toBe(3);
    expect([stdout.bytes.toString(), stdout.total]).toEqual(['output\n', 7]);
    expect([stderr.bytes.toString(), stderr.total]).toEqual(['err', 3]);
    await closed();
  });

  it('was asked for as the API server expects it', async () => {
    server.onCommand = (command) => command.exit(0);
    expect(await exec()).toMatchObject({ exitCode: 0 });
    const [handshake] = server.handshakes;
    expect(handshake?.url.pathname).toBe('/api/v1/namespaces/shop/pods/web-0/exec');
    expect([...(handshake?.url.searchParams ?? [])]).toEqual([
      ['command', 'nginx'],
      ['command', '-s'],
      ['command', 'reload now'],
      ['container', 'nginx'],
      ['stdout', 'true'],
      ['stderr', 'true'],
    ]);
    expect(handshake?.headers).toMatchObject({
      'user-agent': 'kube-trigger',
      'sec-websocket-protocol': 'v5.channel.k8s.io, v4.channel.k8s.io',
    });
  });

  it.each(['v4.channel.k8s.io', 'v5.channel.k8s.io'])('is understood in %s', async (protocol) => {
    server.speaks = [protocol];
    server.onCommand = async (command) => {
      await command.write(1, protocol);
      await command.exit(0);
    };
    expect((await exec()).stdout.bytes.toString()).toBe(protocol);
  });

  it('keeps the end of its output and no more of it in memory', async () => {
    const mebibyte = 1024 * 1024;
    const before = liveBufferBytes();
    let most = 0;
    server.onCommand = async (command) => {
      for (let sent = 1; sent <= 100 * 32; sent += 1) {
        await command.write(1, Buffer.alloc(mebibyte / 32, 'x'));
        if (sent % 160 === 0) most = Math.max(most, liveBufferBytes());
      }
      await command.write(1, 'the end');
      await command.exit(0);
    };
    const { stdout } = await exec({ tailBytes: 16 });
    expect(stdout.bytes.toString()).toBe('xxxxxxxxxthe end');
    expect(stdout.total).toBe(100 * mebibyte + 7);
    // What is on its way, and what V8 frees in the background; everything would be 100.
    expect(most - before).toBeLessThan(50 * mebibyte);
  });

  it('may be as long in silence as it likes while its connection lives', async () => {
    server.onCommand = (command) => setTimeout(() => void command.exit(0), 900);
    expect(await exec()).toMatchObject({ exitCode: 0 });
  });
});

describe('a command that was not run', () => {
  const failure = (message: string) => ({ status: 'Failure', reason: 'InternalError', code: 500, message });

  it.each([
    [
      'runc',
      'exec failed: unable to start container process: exec: "nginy": executable file not found in $PATH: unknown',
    ],
    ['runc', 'unable to start container process: exec: "/bin/x": stat /bin/x: no such file or directory: unknown'],
    ['runc', 'unable to start container process: exec: "/etc": permission denied: unknown'],
    ['crun', 'exec failed: executable file `nginy` not found in $PATH: No such file or directory'],
  ])('because there is no such program, in the words of %s', async (_, message) => {
    server.onCommand = (command) => command.status(failure(`Internal error occurred: ${message}`));
    const error = await errorOf(exec());
    expect(error).toMatchObject({ code: 'KT_KUBE_EXEC_COMMAND', retry: 'never' });
    expect(error.message).toContain('web-0');
  });

  it.each([
    'Internal error occurred: error executing command in container: container is not running',
    'OCI runtime exec failed: open /proc/1/ns: no such file or directory',
  ])('because the node could not: %s', async (message) => {
    server.onCommand = (command) => command.status(failure(message));
    expect(await errorOf(exec())).toMatchObject({ code: 'KT_KUBE_EXEC_FAILED', retry: 'backoff' });
  });

  it('says no more than the end of a long explanation', async () => {
    server.onCommand = (command) => command.write(3, `${'y'.repeat(5_000)} because`);
    const { message } = await errorOf(exec());
    expect(message.length).toBeLessThan(600);
    expect(message).toMatch(/ because$/);
  });
});

describe('a refused handshake is an error like any other', () => {
  it.each([
    [400, 'KT_KUBE_INVALID'],
    [403, 'KT_KUBE_FORBIDDEN'],
    [404, 'KT_KUBE_NOT_FOUND'],
    [500, 'KT_KUBE_SERVER_ERROR'],
  ])('%i', async (status, code) => {
    server.refuse = () => refusal(status, 'pods "web-0" is what it is');
    const error = await errorOf(exec());
    expect(error.code).toBe(code);
    expect(error.message).toContain(`get pods/exec "web-0" in namespace shop: ${status} pods "web-0" is what it is`);
    expect(server.handshakes).toHaveLength(1);
    expect(kube.client.stats().failures).toEqual({ [code]: 1 });
    await closed();
  });

  it('403 names the rule for old and new clusters', async () => {
    server.refuse = () => refusal(403, 'no');
    expect((await errorOf(exec())).fix).toBe(
      'Add to a Role in namespace shop: {apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"]}',
    );
  });

  it('an answer that is no WebSocket, from a proxy', async () => {
    server.refuse = () => ({ status: 200, body: '{}' });
    expect((await errorOf(exec())).code).toBe('KT_KUBE_BAD_RESPONSE');
  });

  it('no answer', async () => {
    server.refuse = () => 'hang';
    expect((await errorOf(exec())).code).toBe('KT_KUBE_UNREACHABLE');
    await closed();
  });

  it('nobody listens', async () => {
    await server[Symbol.asyncDispose]();
    expect((await errorOf(exec())).code).toBe('KT_KUBE_UNREACHABLE');
    server = await ExecServer.start();
  });

  it('401 reads the credentials again and asks once more', async () => {
    let token = 'old';
    const auth: KubeAuth = {
      credentials: () =>
        Promise.resolve({ server: server.url, headers: { authorization: `Bearer ${token}` }, tls: {} }),
      reload: () => {
        token = 'new';
        return Promise.resolve();
      },
      namespace: () => Promise.resolve(undefined),
    };
    server.refuse = ({ headers }) =>
      headers.authorization === 'Bearer new' ? undefined : refusal(401, 'Unauthorized');
    server.onCommand = (command) => command.exit(0);
    await kube[Symbol.asyncDispose]();
    kube = clientOf(auth);
    expect(await exec()).toMatchObject({ exitCode: 0 });
    server.refuse = () => refusal(401, 'Unauthorized');
    expect((await errorOf(exec())).code).toBe('KT_KUBE_UNAUTHORIZED');
    expect(server.handshakes).toHaveLength(4);
  });
});

describe('a connection that is lost is an error, never a hang', () => {
  it.each<[string, (command: Command) => unknown]>([
    ['cut', (command) => command.cut()],
    ['closed in form but without a status', (command) => command.socket.close(1000)],
    ['silent', (command) => command.freeze()],
  ])('%s', async (_, end) => {
    server.onCommand = async (command) => {
      await command.write(1, 'begun');
      end(command);
    };
    const error = await errorOf(exec());
    expect(error).toMatchObject({ code: 'KT_KUBE_EXEC_LOST', retry: 'backoff' });
    await eventually(() => kube.client.stats().openSockets === 0);
  });

  it('ends with its time limit', async () => {
    const error = await errorOf(exec({ timeoutMs: 80 }));
    expect(error).toMatchObject({ code: 'KT_KUBE_EXEC_LOST' });
    expect(error.message).toContain('no exit status within 80 ms');
    await closed();
  });

  it.each(['the handshake', 'the command'])('ends with its signal during %s', async (phase) => {
    if (phase === 'the handshake') server.refuse = () => 'hang';
    const stop = new AbortController();
    const running = exec({ signal: stop.signal });
    await eventually(
      () => server.handshakes.length === 1 && (phase === 'the handshake' || server.commands.length === 1),
    );
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
    await closed();
  });

  it('does not begin when its signal is aborted already', async () => {
    await expect(exec({ signal: AbortSignal.abort(new Error('stopped')) })).rejects.toThrow('stopped');
    expect(server.handshakes).toEqual([]);
  });

  it('ends with its client', async () => {
    const running = errorOf(exec());
    await eventually(() => server.commands.length === 1);
    await kube.client.close();
    expect((await running).code).toBe('KT_KUBE_CLOSED');
    expect((await errorOf(exec())).code).toBe('KT_KUBE_CLOSED');
  });
});
