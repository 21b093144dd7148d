import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, freePort, installCrd, startEmbedded, type TestCluster } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { KINDS } from '../src/index.js';
import { Author, ROOT } from './support/author.js';
import { QueueClient } from './support/queue-client.js';

/** Whatever else the machine does: npm installs in it. */
const WITHIN_MS = 300_000;
vi.setConfig({ testTimeout: WITHIN_MS, hookTimeout: WITHIN_MS });

let author: Author;
beforeAll(async () => {
  author = await Author.settle();
});
afterAll(() => author?.[Symbol.dispose]());

/** How many tests of a project hold; rejects when one does not. */
async function passing(project: string): Promise<number> {
  const report = author.path(`${project}.json`);
  await author.in(project, 'npm', 'test', '--', '--reporter=json', `--outputFile=${report}`);
  return (JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number }).numPassedTests;
}

function edit(path: string, changes: readonly (readonly [from: string, to: string])[]): () => void {
  const text = readFileSync(path, 'utf8');
  for (const [from] of changes) expect(text).toContain(from);
  writeFileSync(
    path,
    changes.reduce((before, [from, to]) => before.replaceAll(from, to), text),
  );
  return () => writeFileSync(path, text);
}

describe('a plugin that was created outside the workspace', () => {
  it.each(KINDS)('of kind %s passes its own tests as it is', async (kind) => {
    expect(await passing(`my-${kind}`)).toBeGreaterThan(15);
  });

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
  ])('does not pass with %s', async (_, changes, messages) => {
    const undo = edit(author.path('my-action/src/index.ts'), changes);
    const failure = await author.in('my-action', 'npm', 'test').catch(String);
    undo();
    for (const message of messages) expect(failure).toMatch(message);
  });

  it('is packed without its tests', async () => {
    const packed = await author.in('my-action', 'npm', 'pack', '--dry-run', '--json', '--loglevel=error');
    const names = [...packed.matchAll(/"path": "([^"]+)"/g)].map(([, path]) => path);
    expect(names.toSorted()).toEqual([
      'README.md',
      'dist/config.d.ts',
      'dist/config.js',
      'dist/index.d.ts',
      'dist/index.js',
      'package.json',
    ]);
  });

  it('runs in a cluster of its own by npm run dev', async () => {
    const port = String(await freePort());
    for (const file of ['package.json', 'example/rule.yaml']) edit(author.path('my-action', file), [['8090', port]]);
    await using dev = author.start('my-action', 'npm', 'run', 'dev');
    await dev.said(/plugins: action myAction/);
    await dev.said(/default\/example: Ready/);
    edit(author.path('my-action/example/rule.yaml'), [['greeting: hello', 'greeting: hallo']]);
    await dev.said(/inbox: POST \/hook \{"text":"the configuration changed","key":"ConfigMap\/default\/app-config"/);
    await dev.said(/→ myAction\[0\] done http:\/\/127\.0\.0\.1/);
    await dev.end();
    expect(existsSync((await dev.said(/KUBECONFIG=\S+/)).slice('KUBECONFIG='.length))).toBe(false);
  });
});

const PLUGINS = ['plugin-hello', 'plugin-queue'];
const PACKAGES = ['kube-trigger-plugin-hello', 'kube-trigger-plugin-queue'];

describe('the examples that are programs', () => {
  beforeAll(async () => {
    for (const example of [...PLUGINS, 'embedded']) author.takeExample(example);
    await author.installInto('plugins', PLUGINS);
  });

  it('are all run here', () => {
    const programs = readdirSync(join(ROOT, 'examples')).filter((name) =>
      existsSync(join(ROOT, 'examples', name, 'package.json')),
    );
    expect(programs.toSorted()).toEqual(['embedded', ...PLUGINS]);
  });

  it.each(PLUGINS)('%s passes its own tests, with the published tools', async (plugin) => {
    expect(await passing(plugin)).toBeGreaterThan(15);
  });

  // The rule of docs/write-a-plugin.md is that of plugin-hello.
  it.each(PLUGINS)('%s has rules that the operator takes with the plugin, and only with it', async (plugin) => {
    const example = author.path(plugin, 'example/rule.yaml');
    const name = `kube-trigger-${plugin}`;
    await expect(author.kubeTrigger('plugins', 'lint', example, '--plugin', name)).resolves.toBeDefined();
    await expect(author.kubeTrigger('plugins', 'lint', example)).rejects.toThrow(/no (source|action) plugin/);
  });

  it('embedded finds what changed, also while it did not run', async () => {
    const watched = author.path('embedded/watched.txt');
    writeFileSync(watched, 'one');
    {
      await using program = author.start('embedded', process.execPath, 'main.js');
      await program.said(/file\[0\] synced/);
      writeFileSync(watched, 'two');
      await program.said(/seen: watched\.txt\nwatched\.txt updated: done/);
      expect(program.output.match(/seen/g)).toHaveLength(1);
    }
    writeFileSync(watched, 'three');
    await using again = author.start('embedded', process.execPath, 'main.js');
    await again.said(/seen: watched\.txt\nwatched\.txt updated: done/);
    const program = readFileSync(join(ROOT, 'examples/embedded/main.js'), 'utf8');
    expect(program.trimEnd().split('\n').length).toBeLessThanOrEqual(16);
  });
});

describe('packed plugins in the operator, on a cluster', () => {
  let cluster: TestCluster;
  const plugins = PACKAGES.flatMap((name) => ['--plugin', name]);

  beforeAll(async () => {
    cluster = await startEmbedded();
    const definitions = parseAllDocuments(await author.kubeTrigger('plugins', 'crd', ...plugins));
    for (const definition of definitions) await installCrd(cluster.client, definition.toJS() as object);
  });
  afterAll(() => cluster?.stop());

  const configMap = (name: string) => `/api/v1/namespaces/default/configmaps/${name}`;
  const greetingOf = async () => {
    const { json } = await cluster.request<{ metadata: { annotations?: Record<string, string> } }>(
      'GET',
      configMap('greeted'),
    );
    return json.metadata.annotations ?? {};
  };

  it('a message of the queue greets the ConfigMap, once, and is deleted; also one that came while the operator was down', async () => {
    const port = String(await freePort());
    await using queue = author.start('plugin-queue', process.execPath, 'example/queue-server.mjs', port);
    const client = new QueueClient(await queue.said(/http:\S+/));
    await cluster.request('POST', configMap('').slice(0, -1), { metadata: { name: 'greeted' } });
    const rule = {
      apiVersion: 'app.example.com/v1alpha1',
      kind: 'TriggerRule',
      metadata: { name: 'orders' },
      spec: {
        sources: [{ queue: { url: `http://127.0.0.1:${port}`, waitSeconds: 5 } }],
        actions: [{ hello: { configMap: 'greeted', greeting: 'an order came' } }],
      },
    };
    const made = await cluster.request('POST', '/apis/app.example.com/v1alpha1/namespaces/default/triggerrules', rule);
    expect(made.status).toBe(201);
    const kubeconfig = await cluster.writeKubeconfig();
    const run = ['run', '--kubeconfig', kubeconfig, '--no-leader-elect', '--health-port', '-1', ...plugins];
    const settled = async () => (await client.count()) === 0;

    const first = author.start('plugins', 'kube-trigger', ...run);
    await client.send({ order: 1 });
    await eventually(settled, { because: 'the message should be deleted', timeoutMs: 60_000 }).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${first.output}`, { cause: error });
      },
    );
    const greeted = await greetingOf();
    expect(greeted['hello.example.com/greeting']).toBe('an order came');
    await first.end();

    await client.send({ order: 2 });
    await using second = author.start('plugins', 'kube-trigger', ...run);
    await eventually(settled, { because: 'the second message should be deleted', timeoutMs: 60_000 });
    const revision = 'hello.example.com/revision';
    expect((await greetingOf())[revision]).not.toBe(greeted[revision]);
    expect(second.output).not.toContain('"level":"error"');
  });

  it('one that was not built is refused by name, and the operator starts without it', async () => {
    rmSync(author.path('plugins/node_modules/kube-trigger-plugin-hello/dist'), { recursive: true });
    const kubeconfig = await cluster.writeKubeconfig();
    const run = ['run', '--kubeconfig', kubeconfig, '--no-leader-elect', '--health-port', '-1', ...plugins];
    await using operator = author.start('plugins', 'kube-trigger', ...run);
    await operator.said(/kube-trigger-plugin-hello.*dist\/index\.js does not exist; was it built\?/);
    await eventually(
      async () => {
        const { text } = await cluster.request(
          'GET',
          '/apis/app.example.com/v1alpha1/namespaces/default/triggerrules/orders',
        );
        return text.includes('UnknownPlugin') && text.includes('kube-trigger-plugin-hello was refused');
      },
      { because: 'the rule should say why it does not run', timeoutMs: 60_000 },
    );
    expect(operator.output).toContain('operator started');
  });
});
