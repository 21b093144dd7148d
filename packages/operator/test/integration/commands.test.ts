import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeOnClusters, eventually, kubeconfigFor, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runCli } from '../../src/cli/cli.js';
import { seedRule, Stage } from '../support/stage.js';

const TARGET = { kind: 'Deployment', name: 'web' };

describeOnClusters('the command line says and does', (start, server) => {
  let stage: Stage;
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kube-trigger-cli-'));
    stage = await Stage.open(start);
    const { cluster, namespace } = stage;
    const { url, token, ca } = cluster;
    await writeFile(join(dir, 'kubeconfig'), kubeconfigFor({ url, token, ca, namespace }));
    await stage.configMap('cm', { a: '1' });
    await stage.workload('deployments', 'web');
    await stage.startOperator();
    await stage.rule('web', {
      ...seedRule(TARGET, { name: 'cm' }),
      filters: [{ name: 'never', cel: { expression: "!('secret-part' in event.changedKeys)" } }],
    });
    await stage.ready('web');
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    let out = '';
    let err = '';
    const spies = [
      vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out += String(text)) !== ''),
      vi.spyOn(process.stderr, 'write').mockImplementation((text) => (err += String(text)) !== ''),
    ];
    const cluster = args.includes('--kubeconfig') ? [] : ['--kubeconfig', join(dir, 'kubeconfig')];
    const code = await runCli([...args, ...cluster]);
    for (const spy of spies) spy.mockRestore();
    return { code, out, err };
  }
  const explained = async (...args: string[]) => {
    const { code, out, err } = await cli('explain', 'web', '-o', 'json', ...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return JSON.parse(out) as {
      gates: { gate: string; verdict: string; because?: string }[];
      now: { events: { key: string; wouldFire: boolean; changedKeys: string[]; gates: object[] }[]; actions: object[] };
    };
  };

  it('completes the names of rules', async () => {
    const { code, out } = await cli('complete', '--', 'explain', '--kubeconfig', join(dir, 'kubeconfig'), 'w');
    expect({ code, out }).toEqual({ code: 0, out: 'web\t\n:4\n' });
  });

  it('explain: each gate, and that every revision is settled', async () => {
    const { gates, now } = await explained();
    expect(gates.map(({ gate, verdict }) => `${gate} ${verdict}`)).toEqual([
      'operator Pass',
      'accepted Pass',
      'suspend Pass',
      'breaker Pass',
      'configMap[0] Pass',
      'updatePodTemplate[0] Pass',
    ]);
    expect(now).toMatchObject({ events: [], actions: [{ gate: 'updatePodTemplate[0]', verdict: 'Pass' }] });
  });

  it('explain --event: what an object or an event would do, without doing it', async () => {
    const before = await stage.template('deployments', 'web');
    const key = `ConfigMap/${stage.namespace}/cm`;
    const object = join(dir, 'object.yaml');
    const config = (data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm' }, data });
    await writeFile(object, JSON.stringify(config({ a: 'other' })));
    expect((await explained('--event', object)).now.events).toMatchObject([
      {
        key,
        changedKeys: ['a'],
        wouldFire: true,
        gates: [
          { gate: 'configMap[0]', verdict: 'Pass' },
          { gate: 'never', verdict: 'Pass' },
        ],
      },
    ]);
    await writeFile(object, JSON.stringify(config({ a: '1', 'secret-part': 'hush' })));
    const dropped = await explained('--event', object);
    expect(dropped.now.events).toMatchObject([{ wouldFire: false, gates: [{}, { gate: 'never', verdict: 'Drop' }] }]);
    expect(JSON.stringify(dropped)).not.toContain('hush');
    await writeFile(object, JSON.stringify(config({ a: '1' })));
    expect((await explained('--event', object)).now.events).toEqual([]);
    const event = join(dir, 'event.yaml');
    await writeFile(event, `{key: ${key}, change: updated, changedKeys: [secret-part]}`);
    expect((await explained('--event', event)).now.events).toMatchObject([{ key, wouldFire: false }]);
    await writeFile(event, 'just text');
    expect(await cli('explain', 'web', '--event', event)).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /--event .*event\.yaml: it must be one object with apiVersion and kind, or events/,
      ) as string,
    });
    expect(await stage.template('deployments', 'web')).toEqual(before);
  });

  it('explain --event: that no workload uses what would change', async () => {
    await stage.rule('users', {
      sources: [{ configMap: { name: 'cm' } }],
      actions: [{ updatePodTemplate: { referencing: true } }],
    });
    await stage.ready('users');
    const event = join(dir, 'unused.yaml');
    await writeFile(event, `{key: ConfigMap/${stage.namespace}/cm, change: updated, changedKeys: [a]}`);
    const { out } = await cli('explain', 'users', '-o', 'json', '--event', event);
    const because = 'none of Deployment, StatefulSet, DaemonSet uses ConfigMap cm';
    expect((JSON.parse(out) as { now: object }).now).toMatchObject({
      events: [{ wouldFire: false, gates: [{}, { gate: 'updatePodTemplate[0]', verdict: 'Drop', because }] }],
      actions: [{ verdict: 'Pass' }],
    });
    await stage.deleteRule('users');
  });

  it('explain: that it cannot tell, when the rule is not accepted here', async () => {
    await stage.rule('foreign', { sources: [{ configMap: { name: 'cm' } }], actions: [{ chat: { room: 'lobby' } }] });
    const event = join(dir, 'foreign.yaml');
    await writeFile(event, `{key: ConfigMap/${stage.namespace}/cm, change: updated, changedKeys: [a]}`);
    for (const asked of [[], ['--event', event]]) {
      const { code, out } = await cli('explain', 'foreign', ...asked);
      expect(out).toMatch(
        /Now\n +cannot tell: the rule is not accepted here: spec\.actions\[0\].*: no action plugin "chat" is installed/,
      );
      expect(out).not.toContain('settled');
      expect(code).toBe(1);
    }
    const { code, out } = await cli('explain', 'foreign', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({
      now: { cannotTell: expect.stringMatching(/no action plugin "chat"/) as string },
    });
    expect(code).toBe(1);
    await stage.deleteRule('foreign');
  });

  it('explain: that it cannot tell whether something differs, when a source cannot be read', async () => {
    const { cluster, namespace } = stage;
    const rules = { apiGroups: ['app.example.com'], resources: ['*'], verbs: ['get', 'list', 'watch'] };
    await cluster.grant(namespace, 'looker', [rules]);
    const kubeconfig = join(dir, 'looker');
    await writeFile(kubeconfig, await cluster.serviceAccountKubeconfig(namespace, 'looker'));
    const { code, out } = await eventually(
      async () => {
        const answer = await cli('explain', 'web', '-n', namespace, '--kubeconfig', kubeconfig);
        return answer.out === '' ? undefined : answer;
      },
      { because: 'the rights are in force a moment later' },
    );
    expect(out).toMatch(/Error +configMap\[0\]: .*forbidden/);
    expect(out).toMatch(/cannot tell whether anything differs from what was dealt with last/);
    expect(out).not.toContain('settled');
    expect(code).toBe(1);
  });

  it('explain in words, with what was done before the operator went away and what would be now', async () => {
    await stage.stopOperator();
    await stage.patchConfigMap('cm', { data: { a: '2' } });
    const { out } = await cli('explain', 'web');
    expect(out).toMatch(/ConfigMap\/\S+\/cm updated \(a\): would fire/);
    const before = await stage.template('deployments', 'web');
    await stage.startOperator();
    await stage.rolled('deployments', 'web', { before });
    await expect.poll(async () => (await cli('history', 'web')).out).toMatch(/cm +updated \(a\) +Done/);
    // The checkpoint is written behind.
    await expect.poll(async () => (await cli('explain', 'web')).out).toMatch(/Now\n +every revision is settled/);
  });

  it('fire: one run for each call, with who asked', async () => {
    const before = await stage.template('deployments', 'web');
    expect(await cli('fire', 'web', '--wait', '30')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/: Done/) as string,
    });
    await stage.rolled('deployments', 'web', { before });
    expect((await cli('fire', 'web', '--source', 'configMap[0]', '--key', 'ConfigMap/x/y', '--wait', '30')).code).toBe(
      0,
    );
    await stage.rolled('deployments', 'web', { before, times: 2 });
    const { out } = await cli('history', 'web', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject([
      { key: 'ConfigMap/x/y', source: 'configMap[0]', manualBy: expect.stringMatching(/.+/) as string, result: 'Done' },
      { key: 'manual', source: 'manual' },
      {},
    ]);
    expect(await cli('fire', 'web', '--source', 'configmap[0]')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/did you mean "configMap\[0\]"/) as string,
    });
  });

  it('suspend and resume: nothing meanwhile, what changed once afterwards, and no run by hand', async () => {
    expect((await cli('suspend', 'web')).code).toBe(0);
    await stage.condition('web', 'Ready', { status: 'False', reason: 'Suspended' });
    const before = await stage.template('deployments', 'web');
    await stage.patchConfigMap('cm', { data: { a: '3' } });
    await never(async () => (await stage.template('deployments', 'web')).generation !== before.generation, {
      forMs: 700,
    });
    expect(await cli('fire', 'web')).toMatchObject({ code: 1, err: expect.stringMatching(/is suspended/) as string });
    expect((await cli('resume', 'web')).code).toBe(0);
    await stage.rolled('deployments', 'web', { before });
  });

  it('top: all rules in one table', async () => {
    await stage.ready('web');
    const { code, out } = await cli('top');
    expect(code).toBe(0);
    expect(out).toMatch(/^RULE +READY +QUEUE/);
    // What was under way a moment ago may still be in the status.
    const row = new RegExp(`^${stage.namespace}/web +True +0 +- +`, 'm');
    await expect.poll(async () => (await cli('top')).out).toMatch(row);
  });

  it('which rule was meant', async () => {
    expect(await cli('history', 'wep')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/there is no TriggerRule \S+\/wep; did you mean "web"\?/) as string,
    });
  });

  // The kubectl that it takes is that of KUBEBUILDER_ASSETS.
  it.skipIf(server === 'embedded')('the same as a plugin of kubectl', async () => {
    const main = fileURLToPath(import.meta.resolve('@kube-trigger/operator/main'));
    await writeFile(join(dir, 'kubectl-trigger'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, {
      mode: 0o755,
    });
    await symlink(process.execPath, join(dir, 'node'));
    const env = {
      ...process.env,
      PATH: [dir, process.env['PATH']].join(delimiter),
      KUBECONFIG: join(dir, 'kubeconfig'),
    };
    const kubectl = (...args: string[]) =>
      promisify(execFile)(join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl'), args, { env });
    expect((await kubectl('plugin', 'list')).stdout).toMatch(/kubectl-trigger/);
    expect((await kubectl('trigger', 'history', 'web')).stdout).toMatch(/^TIME +KEY/);
    const waited = await kubectl('wait', '--for=condition=Ready', 'triggerrule/web', '--timeout=20s');
    expect(waited.stdout).toMatch(/condition met/);
    expect((await kubectl('get', 'triggerrules')).stdout).toMatch(/^NAME +READY +REASON +LAST FIRED/);
  });
});
