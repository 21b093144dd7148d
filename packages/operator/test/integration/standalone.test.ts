import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryCheckpointStore } from '@kube-trigger/core';
import { staticAuth } from '@kube-trigger/kube';
import { describeOnClusters, never, type TestCluster } from '@kube-trigger/testing';
import { asyncScheduler } from 'rxjs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCli } from '../../src/cli/cli.js';
import { createLogger } from '../../src/logger.js';
import { type Operator, type OperatorOptions, startOperator } from '../../src/operator.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { FileCheckpointStore } from '../../src/standalone/file-checkpoint-store.js';
import { fileFeed } from '../../src/standalone/file-feed.js';

describeOnClusters('rules of files', (start) => {
  let cluster: TestCluster;
  let namespace: string;
  let dir: string;
  let operator: Operator | undefined;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'standalone-'));
    cluster = await start();
    namespace = await cluster.createNamespace('files');
    await must('POST', `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: 'cm' }, data: { a: '1' } });
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } };
    await must('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
      metadata: { name: 'web' },
      spec: { selector: { matchLabels: labels }, template },
    });
    await writeRule('web', 'cm');
  });
  afterEach(async () => {
    await stop();
    await cluster.stop();
    await rm(dir, { recursive: true });
  });

  async function must(method: string, path: string, body: unknown, type = 'application/json') {
    const answer = await cluster.request(method, path, body, { 'content-type': type });
    expect(answer.status).toBeLessThan(300);
  }
  const edit = (a: string) =>
    must('PATCH', `/api/v1/namespaces/${namespace}/configmaps/cm`, { data: { a } }, 'application/merge-patch+json');
  const generation = async () => {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/web`;
    return (await cluster.request<{ metadata: { generation: number } }>('GET', path)).json.metadata.generation;
  };
  const writeRule = (name: string, source: string) =>
    writeFile(
      join(dir, `${name}.yaml`),
      `apiVersion: app.example.com/v1alpha1
kind: TriggerRule
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  sources: [{configMap: {name: ${source}}}]
  actions: [{updatePodTemplate: {objectRef: {kind: Deployment, name: web}}}]
  delivery: {coalesce: {quietSeconds: 0}} # a test here edits faster than any quiet
`,
    );
  const checkpoint = () => join(dir, 'checkpoint.json');

  async function run(options: Partial<OperatorOptions> = {}): Promise<Operator> {
    const scheduler = asyncScheduler;
    const logger = createLogger('silent');
    const store = await FileCheckpointStore.load({ file: checkpoint(), scheduler, random: Math.random });
    const onRules = (uids: ReadonlySet<string>) => store.retain(uids);
    const { url: server, token, ca } = cluster;
    operator = await startOperator({
      auth: staticAuth({ server, token, ...(ca === undefined ? {} : { ca }) }),
      logger,
      registry: bundledRegistry(),
      checkpoints: store,
      feed: await fileFeed({ paths: [join(dir, 'web.yaml')], namespace, logger, scheduler, onRules }),
      ...options,
    });
    return operator;
  }
  async function stop(): Promise<void> {
    await operator?.stop();
    operator = undefined;
  }
  const remembered = async () => readFile(checkpoint(), 'utf8').catch(() => '');

  it('fire as those of a cluster do, also for what changed while nothing ran, and are remembered in a file', async () => {
    await run();
    await expect.poll(remembered).toContain('ConfigMap/');
    const before = await generation();
    await edit('2');
    await expect.poll(generation).toBe(before + 1);
    await stop();
    await edit('3');
    await run();
    await expect.poll(generation).toBe(before + 2);
    await stop();
    await run();
    await never(async () => (await generation()) !== before + 2, { forMs: 1000 });
  });

  it('are looked at again: an edit counts, half an edit does not', async () => {
    await run();
    await expect.poll(remembered).toContain('ConfigMap/');
    await writeFile(join(dir, 'web.yaml'), 'kind: [');
    const before = await generation();
    // Longer than it takes to look again.
    await never(async () => !(await remembered()).includes('ConfigMap/'), { forMs: 2500 });
    await edit('2');
    await expect.poll(generation).toBe(before + 1);
    await writeRule('web', 'other');
    await expect.poll(async () => (await remembered()).includes('/cm')).toBe(false);
  });

  it('in a dry run are said and not done, and nothing at all is written', async () => {
    const said: string[] = [];
    const before = await generation();
    await run({ checkpoints: new MemoryCheckpointStore(), dryRun: (text) => said.push(text) });
    await expect.poll(() => operator?.ready()).toBeUndefined();
    await expect
      .poll(async () => {
        await edit(String(Date.now()));
        return said.at(-1);
      })
      .toBe(
        `would run updatePodTemplate[0] of ${namespace}/web on Deployment web: ConfigMap/${namespace}/cm updated (a)`,
      );
    expect(await generation()).toBe(before);
    expect(await remembered()).toBe('');
  });

  it('stop when another process writes their checkpoint, instead of acting twice', async () => {
    await run();
    // The source's baseline and that it is complete: nothing is written any more.
    await expect.poll(remembered).toMatch(/"[^"/]+":"1"/);
    await writeFile(checkpoint(), await remembered());
    await utimes(checkpoint(), 1, 1);
    const before = await generation();
    await edit('2');
    await never(async () => (await generation()) !== before, { forMs: 1500 });
  });

  it('that cannot be read, or have nowhere to be remembered, are wrong usage', async () => {
    expect(await runCli(['run', '-f', dir, '--kubeconfig', await kubeconfig()])).toBe(2);
    await writeFile(join(dir, 'web.yaml'), 'kind: [');
    expect(await runCli(['run', '-f', dir, '--checkpoint', checkpoint(), '--kubeconfig', await kubeconfig()])).toBe(2);
    await writeRule('web', 'cm');
    await writeFile(checkpoint(), 'no checkpoint');
    expect(
      await runCli([
        'run',
        '-f',
        join(dir, 'web.yaml'),
        '--checkpoint',
        checkpoint(),
        '--kubeconfig',
        await kubeconfig(),
      ]),
    ).toBe(1);
  });

  async function kubeconfig(): Promise<string> {
    const file = join(dir, 'kubeconfig');
    const { kubeconfigFor } = await import('@kube-trigger/testing');
    await writeFile(file, kubeconfigFor({ url: cluster.url, token: cluster.token, ca: cluster.ca }));
    return file;
  }
});
