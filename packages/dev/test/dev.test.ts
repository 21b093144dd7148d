import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { eventually } from '@kube-trigger/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, '../../operator/dist/main.js');

const rule = (action: string) => `
apiVersion: app.example.com/v1alpha1
kind: TriggerRule
metadata: { name: example }
spec:
  sources: [{ configMap: { name: app-config } }]
  actions: [${action}]
  delivery: { coalesce: { quietSeconds: 0 } }
`;
const configMap = (greeting: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: app-config, namespace: default }
data: { greeting: ${greeting} }
`;

/** A plugin that posts to the inbox. TypeScript, which Node runs as it is. */
const plugin = (says: string) => `
import { defineAction, FetchToken } from '@kube-trigger/core';
import { Type } from 'typebox';
import { say } from './lib/say.ts';

const config = Type.Object({ url: Type.String() }, { additionalProperties: false });
export default defineAction({
  name: 'shout', summary: 'Shouts.', config, semantics: 'edge', rbac: [],
  create: (inject) => ({
    async run({ url }: { url: string }) {
      await inject(FetchToken)(url, { method: 'POST', body: say('${says}') });
      return { outcome: 'done', targets: [{ target: 'inbox', outcome: 'done' }] };
    },
  }),
});
`;
const lib = (mark: string) => `export const say = (what: string): string => what + '${mark}';`;

/** A folder with a plugin and rules, and `kube-trigger dev` on it. */
class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'kube-trigger-workshop-'));
  #child: ChildProcess | undefined;
  #output = '';

  /** As careful editors do: a new file in the place of the old. */
  save(file: string, text: string): void {
    const path = join(this.folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  run(...args: string[]): void {
    this.#child = spawn(process.execPath, [MAIN, 'dev', ...args], {
      cwd: this.folder,
      env: { ...process.env, TMPDIR: this.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  get output(): string {
    return this.#output;
  }

  said(what: RegExp): Promise<string> {
    return eventually(() => what.exec(this.#output)?.[0], {
      because: `it should say ${what.source}; it said:\n${this.#output}`,
      timeoutMs: 40_000,
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#output}`, { cause: error });
    });
  }

  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exit = once(child, 'exit');
    child.kill(signal);
    const [code] = (await exit) as [number | null];
    return code;
  }

  exited(): Promise<number> {
    return eventually(() => (this.#child?.exitCode === null ? undefined : { code: this.#child?.exitCode ?? -1 }), {
      because: 'it should end',
      timeoutMs: 20_000,
    }).then(({ code }) => code);
  }
}

describe('kube-trigger dev', () => {
  let workshop: Workshop;
  beforeEach(() => {
    workshop = new Workshop();
  });
  afterEach(async () => {
    await workshop.end('SIGKILL');
    rmSync(workshop.folder, { recursive: true, force: true });
  });

  const inbox = async () => (await workshop.said(/inbox: http:\S+/)).slice('inbox: '.length);

  it('runs a plugin and rules, takes what is saved, and leaves nothing at Ctrl-C', async () => {
    workshop.save('src/index.ts', plugin('hello'));
    workshop.save('src/lib/say.ts', lib('!'));
    workshop.save('example/objects.yaml', configMap('a'));
    workshop.run('--plugin', './src/index.ts', '-f', 'example', '--inbox', '0');
    const url = await inbox();
    const kubeconfig = (await workshop.said(/export KUBECONFIG=\S+/)).split('=')[1] ?? '';
    expect(readFileSync(kubeconfig, 'utf8')).toContain('kind: Config');
    await workshop.said(/plugins: action shout/);

    // A rule that comes later, a change, the change's action.
    workshop.save('example/rule.yaml', rule(`{ shout: { url: '${url}/a' } }`));
    await workshop.said(/default\/example: Ready/);
    workshop.save('example/objects.yaml', configMap('b'));
    await workshop.said(/inbox: POST \/a hello!/);
    await workshop.said(/ConfigMap\/default\/app-config updated \(greeting\) → shout\[0\] done inbox/);

    // The plugin, and what it imports, twice: the second save of a file is seen as well.
    workshop.save('src/lib/say.ts', lib('?'));
    await workshop.said(/reloaded: action shout/);
    workshop.save('src/lib/say.ts', lib('?!'));
    await workshop.said(/(reloaded: action shout[^]*){2}/);
    workshop.save('example/objects.yaml', configMap('c'));
    await workshop.said(/inbox: POST \/a hello\?!/);

    // One that is broken: said, and the one from before goes on.
    workshop.save('src/index.ts', 'export default {');
    await workshop.said(/refused: .*import failed: SyntaxError/);
    workshop.save('example/objects.yaml', configMap('d'));
    await workshop.said(/(POST \/a hello\?![^]*){2}/);
    workshop.save('src/index.ts', plugin('mended'));
    await workshop.said(/(reloaded: action shout[^]*){3}/);
    workshop.save('example/objects.yaml', configMap('e'));
    await workshop.said(/POST \/a mended\?!/);

    // What is taken out of the files is deleted.
    rmSync(join(workshop.folder, 'example/rule.yaml'));
    await workshop.said(/deleted: TriggerRule example/);

    expect(await workshop.end()).toBe(0);
    expect(existsSync(kubeconfig)).toBe(false);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  it('says what is wrong with files and goes on', async () => {
    workshop.save('rules/rule.yaml', rule('{ shout: {} }'));
    workshop.save('rules/bad.yaml', 'a: [');
    workshop.save('rules/none.yaml', 'just: text');
    mkdirSync(join(workshop.folder, 'empty'));
    workshop.run('-f', 'rules', '-f', 'empty');
    await workshop.said(/files: empty: there is no \.yaml, \.yml or \.json file in it/);
    await workshop.said(/files: rules\/bad\.yaml: .*at line 1/);
    await workshop.said(
      /files: rules\/none\.yaml: a document in it is no object with apiVersion, kind and metadata\.name/,
    );
    await workshop.said(/default\/example: UnknownPlugin: .*no action plugin "shout"/);
    await workshop.said(/plugins: the bundled ones/);
    workshop.save('rules/rule.yaml', rule('{ webhook: { urls: x } }'));
    await workshop.said(/default\/example: Invalid: .*webhook\.urls: is not a known field/);
    expect(await workshop.end('SIGTERM')).toBe(0);
  });

  it.each([
    [['-f', 'nowhere'], /no such file or directory.*nowhere/, 1],
    [['--inbox', 'x'], /--inbox <port>.*It must be a port/, 2],
    [['--nope'], /unknown option '--nope'/, 2],
  ])('ends with what to do when it is called with %j', async (args, message, code) => {
    workshop.run(...args);
    expect(await workshop.exited()).toBe(code);
    expect(workshop.output).toMatch(message);
  });

  it('waits for a save when no plugin can be used', async () => {
    workshop.save('plugin.ts', 'nonsense(');
    workshop.run('--plugin', './plugin.ts');
    await workshop.said(/refused: .*SyntaxError/);
    workshop.save('lib/say.ts', lib(''));
    workshop.save('plugin.ts', plugin('x'));
    await workshop.said(/plugins: action shout/);
    expect(await workshop.end()).toBe(0);
  });
});
