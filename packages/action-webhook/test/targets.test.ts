import { createHash } from 'node:crypto';
import { WELL_KNOWN } from '@kube-trigger/kube';
import { execResult, uncovered } from '@kube-trigger/testing/contracts';
import { eventually, never } from '@kube-trigger/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhook } from '../src/index.js';
import { Bench, type PodFacts } from './support/bench.js';
import { Receiver, status } from './support/receiver.js';

const HOSTS = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];

describe('pods', () => {
  let bench: Bench;
  let receivers: Receiver[];
  let port: number;
  beforeEach(async () => {
    bench = new Bench();
    const first = await Receiver.start({ host: HOSTS[0] ?? '' });
    ({ port } = first);
    receivers = [first, ...(await Promise.all(HOSTS.slice(1).map((host) => Receiver.start({ host, port }))))];
    for (const [index, ip] of HOSTS.entries()) bench.pod(`web-${index}`, { ip });
  });
  afterEach(async () => {
    await bench[Symbol.asyncDispose]();
    for (const receiver of receivers) await receiver[Symbol.asyncDispose]();
  });

  const config = (rest: object = {}) => ({
    pods: { selector: { matchLabels: { app: 'web' } }, port, path: '/-/reload?now=1', ...rest },
  });
  const counts = () => receivers.map(({ received }) => received.length);
  const respond = (...codes: number[]) => {
    for (const [index, code] of codes.entries()) Object.assign(receivers[index] ?? {}, { respond: status(code) });
  };

  it('are each told once, with one result each', async () => {
    const result = await bench.run(config());
    expect(result).toEqual({
      outcome: 'done',
      targets: [0, 1, 2].map((index) => ({
        target: `Pod/shop/web-${index}`,
        outcome: 'done',
        message: 'answered 204',
      })),
    });
    expect(counts()).toEqual([1, 1, 1]);
    expect(receivers.map(({ only }) => only.path)).toEqual(Array.from({ length: 3 }, () => '/-/reload?now=1'));
    expect(uncovered(bench.kube.requests, webhook.rbac)).toEqual([]);
  });

  it.each<[string, Partial<PodFacts>]>([
    ['is not ready', { ready: false }],
    ['is being deleted', { deleting: true }],
    ['has no address yet', { ip: '' }],
    ['has another label', { labels: { app: 'db' } }],
    ['is in another namespace', { namespace: 'other' }],
  ])('are left out when one %s', async (_, facts) => {
    bench.kube.objects.remove({ resource: WELL_KNOWN.Pod, namespace: 'shop', name: 'web-1' });
    bench.pod('web-1', { ip: '127.0.0.3', ...facts });
    const { targets } = await bench.run(config());
    expect(targets.map(({ target }) => target)).toEqual(['Pod/shop/web-0', 'Pod/shop/web-2']);
    expect(counts()).toEqual([1, 0, 1]);
  });

  it('that accepted are not told again in a repetition; the others are, with the same id', async () => {
    respond(204, 503, 204);
    const error = await bench.failure(config());
    expect([error.code, error.retry, error.facts['failed']]).toEqual(['KT_WEBHOOK_PODS_FAILED', 'backoff', 1]);
    expect(error.message).toBe('1 of 3 pods failed: Pod/shop/web-1 answered 503');
    respond(204, 200, 204);
    const result = await bench.run(config(), { attempt: 2, redelivered: true });
    expect(counts()).toEqual([1, 2, 1]);
    expect(result.targets.map(({ outcome }) => outcome)).toEqual(['unchanged', 'done', 'unchanged']);
    expect(result.outcome).toBe('done');
    expect(receivers[1]?.received.map(({ headers }) => headers['webhook-id'])).toEqual(['event-1', 'event-1']);
  });

  it('are all told of the next delivery', async () => {
    respond(204, 503, 204);
    await bench.failure(config());
    await bench.failure(config(), { id: 'event-2' });
    expect(counts()).toEqual([2, 2, 2]);
  });

  it('that came after the first attempt are told too, also under an old name', async () => {
    respond(204, 204, 503);
    await bench.failure(config());
    bench.kube.objects.remove({ resource: WELL_KNOWN.Pod, namespace: 'shop', name: 'web-0' });
    bench.pod('web-0', { ip: '127.0.0.2' });
    respond(204, 204, 204);
    await bench.run(config(), { attempt: 2 });
    expect(counts()).toEqual([2, 1, 2]);
  });

  it('that refuse for good are not told again, and decide the end', async () => {
    respond(204, 404, 503);
    expect((await bench.failure(config())).retry).toBe('backoff');
    respond(204, 404, 204);
    const error = await bench.failure(config(), { attempt: 2 });
    expect([error.retry, error.message]).toEqual(['never', '1 of 3 pods failed: Pod/shop/web-1 answered 404']);
    expect(counts()).toEqual([1, 1, 2]);
  });

  it('that ask to wait are waited for, the longest of them', async () => {
    for (const [index, seconds] of ['2', '9', '5'].entries()) {
      Object.assign(receivers[index] ?? {}, { respond: status(503, { 'retry-after': seconds }) });
    }
    expect((await bench.failure(config())).retry).toEqual({ afterMs: 9000 });
  });

  it('that accepted before a timeout are remembered', async () => {
    Object.assign(receivers[2] ?? {}, { respond: () => undefined });
    const controller = new AbortController();
    const ended = bench.run(config(), {}, { signal: controller.signal }).catch((error: unknown) => error);
    await eventually(
      () => counts().every((count) => count === 1) && receivers[0]?.pending === 0 && receivers[1]?.pending === 0,
    );
    controller.abort(new Error('timed out'));
    await expect(ended).resolves.toMatchObject({ message: 'timed out' });
    respond(204, 204, 204);
    await bench.run(config(), { attempt: 2 });
    expect(counts()).toEqual([1, 1, 2]);
  });

  it('that do not see the change yet are waited for, and nobody is told before', async () => {
    const mounts = { name: 'app', configMap: { name: 'app-config' } };
    for (const [index, ip] of HOSTS.entries()) bench.pod(`web-${index}`, { ip, volume: mounts });
    bench.configMap('app-config', { 'app.conf': 'new' });
    const upToDate = new Set(['web-0', 'web-2']);
    bench.kube.onExec = ({ pod, command: [, path = ''] }) => {
      const digest = createHash('sha256')
        .update(upToDate.has(pod) ? 'new' : 'old')
        .digest('hex');
      return execResult({ stdout: `${digest}  ${path}\n` });
    };
    const waiting = { ...config(), waitForMount: {} };
    await expect(bench.run(waiting)).resolves.toMatchObject({
      outcome: 'waiting',
      because: 'Pod/shop/web-1 does not see ConfigMap/shop/app-config as it is now',
    });
    expect(counts()).toEqual([0, 0, 0]);
    upToDate.add('web-1');
    await expect(bench.run(waiting, { redelivered: true })).resolves.toMatchObject({ outcome: 'done' });
    expect(counts()).toEqual([1, 1, 1]);
    expect(uncovered(bench.kube.requests, webhook.rbac)).toEqual([]);
  });

  it('that never see a change are errors; the others are told', async () => {
    bench.configMap('app-config', { 'app.conf': 'new' });
    const error = await bench.failure({ ...config(), waitForMount: {} });
    expect([error.code, error.retry]).toEqual(['KT_WEBHOOK_PODS_FAILED', 'never']);
    expect(error.message).toContain('3 of 3 pods failed: Pod/shop/web-0 mounts no volume of ConfigMap/shop/app-config');
    expect(counts()).toEqual([0, 0, 0]);
  });

  it('that may not be looked into are noticed before the first change', async () => {
    await bench.check({ ...config(), waitForMount: {} });
    bench.kube.forbid('create', WELL_KNOWN.Pod, 'exec');
    await bench.check({ ...config(), waitForMount: { afterSeconds: 120 } });
    await expect(bench.check({ ...config(), waitForMount: {} })).rejects.toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
  });

  it('of which none is ready are waited for', async () => {
    for (const index of [0, 1, 2]) bench.pod(`web-${index}`, { ip: HOSTS[index] ?? '', ready: false });
    const error = await bench.failure(config());
    expect([error.code, error.retry, error.message]).toEqual([
      'KT_WEBHOOK_NO_READY_PODS',
      'backoff',
      'none of 3 matching pods in shop is ready',
    ]);
    await expect(bench.check(config())).rejects.toMatchObject({ code: 'KT_WEBHOOK_NO_READY_PODS' });
  });

  it('have ports by name', async () => {
    bench.kube.objects.put(WELL_KNOWN.Pod, {
      metadata: { namespace: 'shop', name: 'web-0', labels: { app: 'web' } },
      spec: {
        containers: [{ ports: [{ name: 'reload', containerPort: 1, protocol: 'UDP' }] }, {}],
        initContainers: [{ ports: [{ name: 'reload', containerPort: port }] }],
      },
      status: { podIP: '127.0.0.2', conditions: [{ type: 'Ready', status: 'True' }] },
    } as object as never);
    const selector = { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'api'] }] };
    const error = await bench.failure(config({ port: 'nope', selector }));
    expect([error.retry, error.message]).toEqual([
      'never',
      '3 of 3 pods failed: Pod/shop/web-0 no container has a TCP port named "nope"; Pod/shop/web-1 no container has a TCP port named "nope"; Pod/shop/web-2 no container has a TCP port named "nope"',
    ]);
    await expect(bench.check(config({ port: 'nope' }))).rejects.toMatchObject({ code: 'KT_WEBHOOK_PORT_NOT_FOUND' });
    for (const index of [1, 2])
      bench.kube.objects.remove({ resource: WELL_KNOWN.Pod, namespace: 'shop', name: `web-${index}` });
    await bench.run(config({ port: 'reload', selector }));
    expect(counts()).toEqual([1, 0, 0]);
  });

  it('are not more than sixteen at a time', async () => {
    for (let index = 0; index < 40; index += 1) {
      bench.pod(`many-${index}`, { ip: '127.0.0.2', labels: { app: 'many' } });
    }
    const waiting: { end: () => void }[] = [];
    const [first] = receivers;
    Object.assign(first ?? {}, { respond: (response: { end: () => void }) => waiting.push(response) });
    const running = bench.run(config({ selector: { matchLabels: { app: 'many' } } }));
    for (const batch of [16, 16, 8]) {
      await eventually(() => waiting.length === batch);
      await never(() => waiting.length > batch, { forMs: 100 });
      for (const response of waiting.splice(0)) response.end();
    }
    expect((await running).targets).toHaveLength(40);
  });
});

describe('a Service', () => {
  const service = (bench: Bench, spec: object) =>
    bench.kube.objects.put(WELL_KNOWN.Service, {
      metadata: { namespace: 'shop', name: 'app' },
      spec,
    } as object as never);
  const resolve = (hostname: string, done: (error: null, addresses: { address: string; family: number }[]) => void) => {
    expect(hostname).toBe('app.shop.svc');
    setImmediate(() => done(null, [{ address: '127.0.0.1', family: 4 }]));
  };

  it('is told under its DNS name, its port by number without a look and by name with one', async () => {
    await using receiver = await Receiver.start();
    await using bench = new Bench({ allowLoopback: true, resolve });
    service(bench, {
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'http', port: receiver.port },
      ],
    });
    const byNumber = await bench.run({ serviceRef: { name: 'app', port: receiver.port, path: '/-/reload?a=b' } });
    expect([byNumber.targets[0]?.target, bench.kube.said]).toEqual([
      `http://app.shop.svc:${receiver.port}/-/reload`,
      [],
    ]);
    await bench.run({ serviceRef: { name: 'app', port: 'http', path: '/-/reload' } });
    expect(receiver.received.map(({ headers }) => headers.host)).toEqual(
      Array(2).fill(`app.shop.svc:${receiver.port}`),
    );
    expect(uncovered(bench.kube.requests, webhook.rbac)).toEqual([]);
  });

  it.each<[string, object | undefined, number | string, string]>([
    ['is missing', undefined, 80, 'Service shop/app does not exist'],
    ['has no such port', { ports: [{ name: 'http', port: 8080 }] }, 80, 'Service shop/app has no TCP port 80'],
    ['has no port of that name', { ports: [{ port: 8080 }] }, 'http', 'Service shop/app has no TCP port "http"'],
    [
      'has it for UDP only',
      { ports: [{ name: 'http', port: 80, protocol: 'UDP' }] },
      80,
      'Service shop/app has no TCP port 80',
    ],
    ['has no ports', {}, 80, 'Service shop/app has no TCP port 80'],
  ])('that %s is said by check', async (_, spec, port, message) => {
    await using bench = new Bench();
    if (spec !== undefined) service(bench, spec);
    await expect(bench.check({ serviceRef: { name: 'app', port } })).rejects.toMatchObject({
      code: 'KT_WEBHOOK_SERVICE_NOT_FOUND',
      message,
    });
  });

  it('that is an ExternalName needs no ports', async () => {
    await using bench = new Bench();
    service(bench, { type: 'ExternalName', externalName: 'example.com' });
    await expect(bench.check({ serviceRef: { name: 'app', port: 443 } })).resolves.toBeUndefined();
  });
});

describe('a URL in a Secret', () => {
  const urlFrom = { secretKeyRef: { name: 'chat', key: 'url' } };

  it('is told, and nothing of it but its origin is shown', async () => {
    await using receiver = await Receiver.start();
    await using bench = new Bench();
    bench.secret('chat', { url: `${receiver.origin}/services/hunter2?k=hunter2\n` });
    const result = await bench.run({ urlFrom });
    expect(receiver.only.path).toBe('/services/hunter2?k=hunter2');
    expect(result.targets[0]?.target).toBe(`${receiver.origin}/...`);
    receiver.respond = status(500);
    expect((await bench.failure({ urlFrom })).message).toBe(`${receiver.origin}/... answered 500`);
  });

  it.each(['hunter2', 'https://me:hunter2@example.com', 'ftp://hunter2', ''])(
    'that cannot be used is said without quoting it',
    async (url) => {
      await using bench = new Bench();
      bench.secret('chat', { url });
      const error = await bench.failure({ urlFrom });
      expect(error.code).toBe('KT_WEBHOOK_URL_INVALID');
      expect(error.message).toContain('the URL in Secret "chat" key "url" ');
      expect(error.message).not.toContain('hunter2');
      await expect(bench.check({ urlFrom })).rejects.toMatchObject({ code: 'KT_WEBHOOK_URL_INVALID' });
    },
  );
});
