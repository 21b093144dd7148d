import { createHash } from 'node:crypto';
import { TriggerError } from '@kube-trigger/core';
import { execResult, fakeEvent, uncovered } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { WELL_KNOWN } from '@kube-trigger/kube';
import { exec } from '../src/index.js';
import { errorOf, World } from './world.js';

const RELOAD = { selector: { matchLabels: { app: 'web' } }, command: ['nginx', '-s', 'reload'] };

let world: World;
beforeEach(() => {
  world = new World();
});

describe('in which pods it runs', () => {
  it('every ready one of the selector, with a result for each', async () => {
    world.pod('web-1');
    world.pod('web-0');
    world.pod('web-2', { ready: false });
    world.pod('web-3', { deleting: true });
    world.pod('db-0', { labels: { app: 'db' } });
    expect(await world.run(RELOAD)).toEqual({
      outcome: 'done',
      targets: ['web-0', 'web-1'].map((name) => ({
        target: `Pod/shop/${name}`,
        outcome: 'done',
        message: 'exit code 0',
      })),
    });
    expect(world.ran).toEqual(['web-0/nginx: nginx -s reload', 'web-1/nginx: nginx -s reload']);
  });

  it('one of them: the first by name', async () => {
    world.pod('web-1');
    world.pod('web-0', { ready: false });
    world.pod('web-2');
    await world.run({ ...RELOAD, pods: 'one' });
    expect(world.ran).toEqual(['web-1/nginx: nginx -s reload']);
  });

  it("those of a workload's selector; one that is scaled to zero has nothing to do", async () => {
    const config = { objectRef: { kind: 'Deployment', name: 'web' }, command: ['true'] };
    world.deployment('web');
    world.pod('web-0');
    await world.run(config);
    expect(world.ran).toEqual(['web-0/nginx: true']);
    world.deployment('web', 0);
    expect(await world.run(config, { id: 'event-2' })).toMatchObject({
      outcome: 'unchanged',
      targets: [{ target: 'Deployment/shop/web', message: expect.stringContaining('scaled to zero') as string }],
    });
  });

  it('the named one', async () => {
    const config = { name: 'web-0', command: ['true'] };
    expect((await world.failure(config)).message).toBe('Pod shop/web-0 does not exist');
    world.pod('web-0', { ready: false });
    expect((await world.failure(config)).message).toBe('Pod shop/web-0 is not ready');
    world.pod('web-0');
    await world.run(config);
    expect(world.ran).toHaveLength(1);
  });

  it('at most as many at the same time as parallelism says', async () => {
    for (let i = 0; i < 9; i += 1) world.pod(`web-${i}`);
    let [now, most] = [0, 0];
    world.kube.onExec = async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return execResult();
    };
    await world.run({ ...RELOAD, parallelism: 3 });
    expect([world.ran.length, most]).toEqual([9, 3]);
  });
});

describe('in which container it runs', () => {
  const where = async (config: object, facts: object): Promise<string | undefined> => {
    world.pod('web-0', facts);
    await world.run({ ...RELOAD, ...config });
    return world.kube.commands[0]?.container;
  };
  const annotations = { 'kubectl.kubernetes.io/default-container': 'helper' };

  it('the first', async () => expect(await where({}, {})).toBe('nginx'));
  it("the annotation's", async () => expect(await where({}, { annotations })).toBe('helper'));
  it('the one in the rule', async () => expect(await where({ container: 'nginx' }, { annotations })).toBe('nginx'));
  it('a sidecar', async () => expect(await where({ container: 'proxy' }, { sidecars: ['proxy'] })).toBe('proxy'));
  it('never one that has ended or is not there', async () => {
    world.pod('web-0');
    for (const container of ['init', 'gone']) {
      const error = await world.failure({ ...RELOAD, container });
      expect(error).toMatchObject({ code: 'KT_EXEC_CONTAINER_NOT_FOUND', retry: 'never' });
      expect(error.explanation).toContain('nginx, helper');
    }
  });
});

describe('what an exit code means', () => {
  const hint = async (exitCode: number, config: object = {}) => {
    world = new World();
    world.pod('web-0');
    world.kube.onExec = () => execResult({ exitCode });
    return world.run({ ...RELOAD, ...config }).then(
      () => 'done',
      ({ retry }: TriggerError) => retry,
    );
  };

  it('by default: 0 is done, 126 and 127 are final, all others are repeated', async () => {
    expect(await Promise.all([0, 1, 125, 126, 127, 128, 137, 255].map((code) => hint(code)))).toEqual([
      'done',
      'backoff',
      'backoff',
      'never',
      'never',
      'backoff',
      'backoff',
      'backoff',
    ]);
  });

  it('as the rule says', async () => {
    const config = { successCodes: ['0', '3-4'], retryCodes: ['75'] };
    expect(await Promise.all([3, 75, 1].map((code) => hint(code, config)))).toEqual(['done', 'backoff', 'never']);
  });
});

describe('when it fails in some pods', () => {
  beforeEach(() => ['web-0', 'web-1', 'web-2'].forEach((name) => world.pod(name)));
  const failing = (...names: string[]) => {
    world.kube.onExec = ({ pod }) => execResult({ exitCode: names.includes(pod) ? 1 : 0 });
  };

  it('says which, and repeats only those', async () => {
    failing('web-1');
    const error = await world.failure(RELOAD);
    expect(error).toMatchObject({ code: 'KT_EXEC_PODS_FAILED', retry: 'backoff' });
    expect(error.message).toBe('1 of 3 pods failed: Pod/shop/web-1 ended with exit code 1');
    failing();
    const { targets } = await world.run(RELOAD, { attempt: 2, redelivered: true });
    expect(targets.map(({ outcome }) => outcome)).toEqual(['unchanged', 'done', 'unchanged']);
    expect(world.ran).toHaveLength(4);
  });

  it('runs in all again for another event', async () => {
    await world.run(RELOAD);
    await world.run(RELOAD, { event: fakeEvent({ id: 'event-2' }), id: 'event-2' });
    expect(world.ran).toHaveLength(6);
  });

  it('a pod that ended in between is no reason to give up', async () => {
    world.kube.onExec = ({ pod }) => {
      if (pod === 'web-1') throw new TriggerError('KT_KUBE_INVALID', '400 container not found', { retry: 'never' });
      return execResult();
    };
    expect(await world.failure(RELOAD)).toMatchObject({ retry: 'backoff' });
  });
});

describe('output', () => {
  const secret = 'hunter2';
  const shown = async (showOutput: boolean, exitCode: number) => {
    world.pod('web-0');
    const stderr = `\u001b[31mbad\u0000\npassword ${secret}\r\nlevel=error forged\u2028${'x'.repeat(1_000)}END`;
    world.kube.onExec = () => execResult({ exitCode, stdout: secret, stderr });
    return world.run({ ...RELOAD, showOutput }).then(JSON.stringify, ({ explanation }: TriggerError) => explanation);
  };

  it('is not shown', async () => {
    expect(await shown(false, 0)).not.toContain(secret);
    world = new World();
    const failure = await shown(false, 1);
    expect(failure).not.toContain(secret);
    expect(failure).toContain('set showOutput');
  });

  it('is shown on request: its end, on one line', async () => {
    const failure = await shown(true, 1);
    expect(failure).toContain(`stdout: ${secret}`);
    expect(failure).toMatch(/stderr: …x+END/);
    expect(failure.length).toBeLessThan(600);
    expect(failure).not.toMatch(/[\p{Cc}\p{Zl}]/u);
  });
});

describe('waiting until the pods see the change', () => {
  const config = { ...RELOAD, waitForMount: {} };
  const inWeb = 'Pod/shop/web-1 does not see ConfigMap/shop/app-config as it is now';
  const upToDate = new Set<string>();
  const files = (content: string) => `${createHash('sha256').update(content).digest('hex')}  /etc/app/app.conf\n`;
  const looks = () => world.ran.filter((command) => command.includes('sha256sum'));
  const reloads = () => world.ran.filter((command) => command.includes('reload'));

  beforeEach(() => {
    upToDate.clear();
    world.kube.objects.put(WELL_KNOWN.ConfigMap, {
      metadata: { namespace: 'shop', name: 'app-config' },
      data: { 'app.conf': 'new' },
    } as never);
    for (const name of ['web-0', 'web-1']) world.pod(name, { mounts: 'app-config' });
    world.kube.onExec = ({ pod, command: [program] }) =>
      execResult(program === 'sha256sum' ? { stdout: files(upToDate.has(pod) ? 'new' : 'old') } : {});
  });

  it('runs nothing before all of them do, and then in all', async () => {
    upToDate.add('web-0');
    expect(await world.run(config)).toMatchObject({ outcome: 'waiting', targets: [], because: inWeb });
    expect([looks().length, reloads()]).toEqual([2, []]);
    upToDate.add('web-1');
    expect(await world.run(config, { redelivered: true })).toMatchObject({ outcome: 'done' });
    expect(reloads()).toHaveLength(2);
    expect(uncovered(world.kube.requests, exec.rbac)).toEqual([]);
  });

  it('is one more look after a restart, and no second run', async () => {
    await world.run(config);
    const { kube } = world;
    world = new World(kube);
    upToDate.add('web-0').add('web-1');
    expect(await world.run(config, { redelivered: true })).toMatchObject({ outcome: 'done' });
    expect(reloads()).toHaveLength(2);
  });

  it('runs in those that do, where one never will', async () => {
    world.pod('web-1', { mounts: 'other' });
    upToDate.add('web-0');
    const error = await world.failure(config);
    expect([error.code, error.retry]).toEqual(['KT_EXEC_PODS_FAILED', 'never']);
    expect(error.message).toContain('Pod/shop/web-1 mounts no volume of ConfigMap/shop/app-config');
    expect(error.fix).toContain('without subPath');
    expect(reloads()).toEqual(['web-0/nginx: nginx -s reload']);
  });

  it('says of a container that is not there what it says without it', async () => {
    upToDate.add('web-0').add('web-1');
    const error = await world.failure({ ...config, container: 'gone' });
    expect(error.message).toContain('2 of 2 pods failed: Pod/shop/web-0 has no container "gone"');
  });

  it('asks nobody when it waits for the clock', async () => {
    const answer = await world.run({ ...RELOAD, waitForMount: { afterSeconds: 90 } });
    expect(answer).toMatchObject({ outcome: 'waiting', againAfterMs: 90_000 });
    expect(world.ran).toEqual([]);
  });
});

it('fills in templates word by word, so that no value becomes more than one', async () => {
  world.pod('web-0');
  const event = fakeEvent({ changedKeys: ['a; rm -rf /', 'b c'] });
  await world.run(
    { ...RELOAD, command: ['log', '$${HOME}', "${event.changedKeys.join('|')}", '${rule.name}'] },
    { event },
  );
  expect(world.kube.commands[0]?.command).toEqual(['log', '${HOME}', 'a; rm -rf /|b c', 'example']);
  const error = await world.failure({ ...RELOAD, command: ['log', '${event.data.nothing}'] });
  expect(error).toMatchObject({ code: 'KT_EXEC_TEMPLATE', retry: 'never' });
});

it.each(['get', 'create'])('notices before the first change that it may not %s pods/exec', async (verb) => {
  world.pod('web-0');
  await world.check(RELOAD);
  world.kube.forbid(verb, WELL_KNOWN.Pod, 'exec');
  const error = await errorOf(world.check(RELOAD));
  expect(error.code).toBe('KT_KUBE_FORBIDDEN');
  expect(error.fix).toContain('pods/exec');
  expect(world.ran).toEqual([]);
});
