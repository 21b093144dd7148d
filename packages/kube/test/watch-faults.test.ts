import { VirtualClock } from '@kube-trigger/core/testing';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TIMINGS, type KubeAuth } from '../src/index.js';
import { configMaps, eventually, FAST, pass, Tape, testClient, type TestClient } from './support/harness.js';
import { gone, item, OpenWatch, ScriptedApi, sendStatus } from './support/scripted-api.js';

let api: ScriptedApi;
let kube: TestClient;

beforeEach(async () => {
  api = await ScriptedApi.start();
  kube = testClient(api.url);
});

afterEach(async () => {
  await kube[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

async function watching(count = 1): Promise<void> {
  await eventually(
    () => api.watches.length >= count,
    5_000,
    () => `${count} watches; ${api.requests.length} requests`,
  );
}

/** How long after one another two requests of a kind came, from `first` to `second`. */
function gapMs(kind: 'list' | 'watch', first: number, second: number): number {
  const at = (index: number): number => api.of(kind)[index]?.at ?? Number.NaN;
  return at(second) - at(first);
}

/** Probes replay what happened since their position, as a real server does. */
function answerProbes(
  changes: { type: 'ADDED' | 'MODIFIED' | 'BOOKMARK'; object: { metadata: { resourceVersion: string } } }[],
): void {
  const before = api.intercept;
  api.intercept = (request, response) => {
    if (request.kind !== 'probe') return before(request, response);
    const probe = new OpenWatch(request, response).headers();
    const from = Number(request.query.get('resourceVersion'));
    for (const change of changes) {
      if (Number(change.object.metadata.resourceVersion) > from) probe.send(change.type, change.object);
    }
    probe.end();
    return true;
  };
}

const stats = () => kube.client.stats().watches[0];

describe('a connection that has gone deaf', () => {
  it('is replaced when a probe says what it did not, and the change is delivered once', async () => {
    using tape = new Tape(kube.client.watch(configMaps()));
    await watching();
    answerProbes([{ type: 'ADDED', object: item('missed', 15) }]);
    await watching(2);
    expect(api.watches[0]?.closed).toBe(true);
    expect(api.lastWatch.request.query.get('resourceVersion')).toBe('10');
    api.lastWatch.send('ADDED', item('missed', 15, { k: '1' }));
    await tape.hears('+missed@15=1');
    expect(tape.said).toEqual(['synced', '+missed@15=1']);
    expect(stats()).toMatchObject({ deaf: 1, relists: 0 });
  });

  it('is kept while it is only silent, and probes move its position on', async () => {
    using tape = new Tape(kube.client.watch(configMaps()));
    await watching();
    answerProbes([{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '50' } } }]);
    await eventually(() => api.of('probe').length >= 4);
    expect(api.watches).toHaveLength(1);
    expect(
      api
        .of('probe')
        .map(({ query }) => query.get('resourceVersion'))
        .slice(0, 2),
    ).toEqual(['10', '50']);
    expect(stats()?.ageOfLastProofMs).toBeLessThan(FAST.probeAfterMs * 1.2 + 50);
    expect(stats()?.ageOfLastByteMs).toBeGreaterThan(FAST.probeAfterMs * 2);
    api.lastWatch.send('ADDED', item('later', 60));
    await tape.hears('+later@60=');
  });

  it('is kept when it says within the grace period what the probe saw', async () => {
    using tape = new Tape(kube.client.watch(configMaps()));
    await watching();
    answerProbes([{ type: 'ADDED', object: item('slow', 15) }]);
    await eventually(() => api.of('probe').length === 1);
    api.lastWatch.send('ADDED', item('slow', 15, { k: '1' }));
    await tape.hears('+slow@15=1');
    await eventually(() => api.of('probe').length === 3);
    expect(api.watches).toHaveLength(1);
    expect(stats()).toMatchObject({ deaf: 0 });
  });

  it('is not probed while it talks', async () => {
    using _ = new Tape(kube.client.watch(configMaps()));
    await watching();
    const endsAt = performance.now() + FAST.probeAfterMs * 3;
    for (let version = 11; performance.now() < endsAt; version += 1) {
      api.lastWatch.send('BOOKMARK', { metadata: { resourceVersion: String(version) } });
      await pass(FAST.probeAfterMs / 5);
    }
    expect(api.of('probe')).toHaveLength(0);
  });

  it('is replaced when probes get no answer at all, over the pool and over a fresh connection', async () => {
    using tape = new Tape(kube.client.watch(configMaps()));
    await watching();
    let frozen = true;
    api.intercept = ({ kind }) => frozen && kind === 'probe';
    await eventually(() => api.watches.some(({ closed }) => closed));
    expect(api.of('probe')).toHaveLength(2);
    frozen = false;
    await watching(2);
    api.lastWatch.send('ADDED', item('a', 11));
    await tape.hears('+a@11=');
  });

  it.each([429, 500, 503, 403])('is kept when probes are answered with %s, which proves nothing', async (code) => {
    using _ = new Tape(kube.client.watch(configMaps()));
    await watching();
    api.intercept = ({ kind }, response) => {
      if (kind !== 'probe') return false;
      sendStatus(response, code);
      return true;
    };
    await eventually(() => api.of('probe').length >= 3);
    expect(api.watches).toHaveLength(1);
    expect(stats()?.ageOfLastProofMs).toBeGreaterThan(FAST.probeAfterMs);
  });

  it('lists anew when a probe finds its position too old', async () => {
    using _ = new Tape(kube.client.watch(configMaps()));
    await watching();
    api.version = 99;
    api.intercept = (request, response) => {
      if (request.kind !== 'probe' || request.query.get('resourceVersion') === '99') return false;
      const probe = new OpenWatch(request, response).headers();
      probe.send('ERROR', gone());
      probe.end();
      return true;
    };
    await watching(2);
    expect(api.of('list')).toHaveLength(2);
    expect(api.lastWatch.request.query.get('resourceVersion')).toBe('99');
  });
});

describe('a frozen server', () => {
  it('that accepts connections and never finishes TLS is given up after the connect timeout, again and again', async () => {
    const sockets = new Set<Socket>();
    const server = await listen((socket) => {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => sockets.delete(socket))
        .resume();
    });
    await using frozen = testClient(`https://127.0.0.1:${port(server)}`, { timings: { connectTimeoutMs: 100 } });
    using tape = new Tape(frozen.client.watch(configMaps()));
    await tape.hears('!KT_KUBE_UNREACHABLE');
    await eventually(() => frozen.client.stats().requests >= 2);
    tape.stop();
    await eventually(() => sockets.size === 0);
    server.close();
  });

  it.each(['list', 'watch'] as const)('that never answers the %s is left for a new connection', async (kind) => {
    let hang = 1;
    api.intercept = (request) => request.kind === kind && hang-- > 0;
    using tape = new Tape(kube.client.watch(configMaps()));
    await watching();
    await tape.hears('synced');
    expect(api.of(kind)).toHaveLength(2);
  });

  it('that stops in the middle of a list page is left, and the list begins where it stood', async () => {
    let hang = true;
    api.items = [item('a', 1)];
    api.intercept = (request, response) => {
      if (request.kind !== 'list' || !hang) return false;
      hang = false;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .write('{"metadata":{"resourceVersion":"10"},"items":[');
      return true;
    };
    using tape = new Tape(kube.client.watch(configMaps()));
    await tape.hears('synced');
    expect(tape.said.filter((said) => said.startsWith('+'))).toEqual(['+a@1=']);
  });
});

describe('how often a server is asked', () => {
  it('a watch that is closed at once backs off, says so after a while, and says synced when it holds', async () => {
    let closing = true;
    api.intercept = (request, response) => {
      if (request.kind !== 'watch' || !closing) return false;
      response.writeHead(200).end();
      return true;
    };
    using tape = new Tape(kube.client.watch(configMaps()));
    await tape.hears('!KT_KUBE_UNREACHABLE');
    const gaps = api.of('watch').map(({ at }, index, all) => at - (all[index - 1]?.at ?? at));
    expect(gaps.length).toBeLessThan(12);
    expect(Math.max(...gaps)).toBeGreaterThan(FAST.backoffBaseMs * 2);
    closing = false;
    await tape.hears('synced', { from: tape.said.length });
    expect(api.of('list')).toHaveLength(1);
    expect(tape.said).toEqual(['synced', '!KT_KUBE_UNREACHABLE', 'synced']);
  });

  it('Retry-After of a 429 is honoured', async () => {
    let refuse = true;
    api.intercept = (request, response) => {
      if (request.kind !== 'list' || !refuse) return false;
      refuse = false;
      sendStatus(response, 429, { headers: { 'retry-after': '1' } });
      return true;
    };
    using tape = new Tape(kube.client.watch(configMaps()));
    await tape.hears('synced');
    expect(gapMs('list', 0, 1)).toBeGreaterThanOrEqual(990);
    expect(gapMs('list', 0, 1)).toBeLessThan(1_400);
  });

  it('a Retry-After of an hour is told to those who were synced, and the server is asked again after about a minute', async () => {
    const clock = new VirtualClock();
    await using slow = testClient(api.url, { scheduler: clock, timings: DEFAULT_TIMINGS });
    using tape = new Tape(slow.client.watch(configMaps()));
    await watching();
    let refuse = true;
    api.intercept = (request, response) => {
      if (request.kind !== 'watch' || !refuse) return false;
      refuse = false;
      sendStatus(response, 503, { headers: { 'retry-after': '3600' } });
      return true;
    };
    api.lastWatch.reset();
    // The first attempt after a loss is made within a second.
    await eventually(() => slow.client.stats().watches[0]?.state === 'waiting');
    await clock.advance(1_000);
    await tape.hears('!KT_KUBE_SERVER_ERROR');
    await clock.advance(59_000);
    expect(slow.client.stats().watches[0]?.state).toBe('waiting');
    await clock.advance(7_000);
    await watching(2);
  });

  it('a server that is away is not a word for those who were synced, when it comes back soon', async () => {
    await using patient = testClient(api.url, { timings: { interruptedAfterMs: 10_000 } });
    using tape = new Tape(patient.client.watch(configMaps()));
    await watching();
    let failures = 2;
    api.intercept = (request, response) => {
      if (request.kind !== 'watch' || failures === 0) return false;
      failures -= 1;
      response.socket?.resetAndDestroy();
      return true;
    };
    api.lastWatch.reset();
    await watching(2);
    api.lastWatch.send('ADDED', item('a', 11));
    await tape.hears('+a@11=');
    expect(tape.said).toEqual(['synced', '+a@11=']);
  });

  it('an unreachable server at the start is said at once, and healed without help', async () => {
    const unused = await listen(() => undefined);
    const taken = port(unused);
    await new Promise((resolve) => unused.close(resolve));
    await using lost = testClient(`http://127.0.0.1:${taken}`);
    using tape = new Tape(lost.client.watch(configMaps()));
    await tape.hears('!KT_KUBE_UNREACHABLE');
    expect(tape.said).toEqual(['!KT_KUBE_UNREACHABLE']);
    expect(lost.logger.lines.filter(({ message }) => message === 'watch interrupted')).toHaveLength(1);
  });
});

describe('refusals', () => {
  it('403 is said with verb, resource, namespace and the rule to add, and heals when the rule is there', async () => {
    let allowed = false;
    const errors: string[] = [];
    api.intercept = (request, response) => {
      if (request.kind !== 'list' || allowed) return false;
      sendStatus(response, 403, { message: 'User "u" cannot list resource "configmaps"' });
      return true;
    };
    using tape = new Tape(kube.client.watch(configMaps({ name: 'cm' })), (event) => {
      if (event.type === 'interrupted') errors.push(event.error.explanation);
    });
    await tape.hears('!KT_KUBE_FORBIDDEN');
    await eventually(() => api.of('list').length >= 3);
    expect(gapMs('list', 0, 2)).toBeGreaterThanOrEqual(2 * FAST.forbiddenRetryMs[0] - 10);
    allowed = true;
    await tape.hears('synced');
    expect(tape.said).toEqual(['!KT_KUBE_FORBIDDEN', 'synced']);
    expect(errors).toEqual([
      'list configmaps "cm" in namespace shop: 403 User "u" cannot list resource "configmaps". Add to a Role in namespace shop: ' +
        '{apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"], resourceNames: ["cm"]}',
    ]);
  });

  it('RBAC withdrawn from a running watch keeps the inventory and resumes when it is restored', async () => {
    api.items = [item('a', 1, { k: '1' })];
    using tape = new Tape(kube.client.watch(configMaps()));
    await watching();
    let allowed = false;
    api.intercept = (_, response) => {
      if (allowed) return false;
      sendStatus(response, 403);
      return true;
    };
    api.lastWatch.end();
    await tape.hears('!KT_KUBE_FORBIDDEN');
    using late = new Tape(kube.client.watch(configMaps()));
    expect(late.said).toEqual(['+a@1=1', '!KT_KUBE_FORBIDDEN']);
    allowed = true;
    await tape.hears('synced', { from: 3 });
    expect(tape.said).toEqual(['+a@1=1', 'synced', '!KT_KUBE_FORBIDDEN', 'synced']);
    expect(late.said).toEqual(['+a@1=1', '!KT_KUBE_FORBIDDEN', 'synced']);
    expect(api.of('list')).toHaveLength(1);
  });

  it('a kind that is not installed is said, and lists when it comes; when it goes its objects are kept until a list speaks', async () => {
    let installed = false;
    api.intercept = (_, response) => {
      if (installed) return false;
      sendStatus(response, 404);
      return true;
    };
    using tape = new Tape(kube.client.watch(configMaps()));
    await tape.hears('!KT_KUBE_NOT_FOUND');
    api.items = [item('a', 1)];
    installed = true;
    await tape.hears('synced');
    await watching();
    installed = false;
    api.lastWatch.end();
    await tape.hears('!KT_KUBE_NOT_FOUND', { from: 3 });
    expect(tape.said).toEqual(['!KT_KUBE_NOT_FOUND', '+a@1=', 'synced', '!KT_KUBE_NOT_FOUND']);
    api.items = [];
    installed = true;
    await tape.hears('synced', { from: 4 });
    expect(tape.said.slice(4)).toEqual(['-a', 'synced']);
  });

  it('401 reloads the credentials and nobody hears of it', async () => {
    let token = 'old';
    let reloads = 0;
    const auth: KubeAuth = {
      credentials: () => Promise.resolve({ server: api.url, headers: { authorization: `Bearer ${token}` }, tls: {} }),
      reload: () => {
        reloads += 1;
        token = 'new';
        return Promise.resolve();
      },
      namespace: () => Promise.resolve(undefined),
    };
    await using rotating = testClient(api.url, { auth });
    using tape = new Tape(rotating.client.watch(configMaps()));
    await watching();
    api.intercept = ({ headers }, response) => {
      if (headers.authorization === 'Bearer new') return false;
      sendStatus(response, 401);
      return true;
    };
    api.lastWatch.end();
    await watching(2);
    expect(reloads).toBe(1);
    expect(tape.said).toEqual(['synced']);
  });
});

async function listen(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function port(server: Server): number {
  return (server.address() as AddressInfo).port;
}
