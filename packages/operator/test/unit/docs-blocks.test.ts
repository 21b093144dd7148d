import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { makeProgram, runCli, withSubcommands } from '../../src/cli/cli.js';

const ROOT = join(import.meta.dirname, '../../../..');
const SKIPPED = new Set(['node_modules', 'dist', '.git']);

function pagesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** What a reader would type: the lines of `sh` blocks and the prompts of `console` blocks, without comments, cut at pipes. */
function commandsOf(path: string): string[] {
  const blocks = [...readFileSync(path, 'utf8').matchAll(/^ *```(sh|console)\n([^]*?)^ *```$/gm)];
  return blocks.flatMap(([, language, block = '']) => {
    const joined = block.replaceAll(/ *\\\n\s*/g, ' ').split('\n');
    const typed =
      language === 'sh'
        ? joined
        : joined.filter((line) => /^ *\$ /.test(line)).map((line) => line.replace(/^ *\$ /, ''));
    return typed
      .map((line) => line.replace(/\s+# .*$/, '').trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
      .flatMap((line) => line.split(/ \|{1,2} | && /))
      .map((command) => command.replace(/ > \S+$/, '').trim());
  });
}

const commands = pagesBelow(ROOT).flatMap((path) =>
  commandsOf(path).map((command) => ({ page: path.slice(ROOT.length + 1), command })),
);

const OURS = /^(?:npm run --silent |kubectl )?(?:kube-)?trigger (?:-- )?/;
const ours = commands.filter(({ command }) => OURS.test(command));
const npm = commands.filter(({ command }) => !OURS.test(command) && /^(?:npm|pnpm|npx) /.test(command));
const kubernetes = commands.filter(({ command }) => !OURS.test(command) && /^(?:kubectl|helm) /.test(command));

/** Arguments as a shell takes them apart, for what stands in the docs: quotes, no substitutions. */
function words(command: string): string[] {
  return [...command.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'),
  );
}

/** Parses as the command line does, without doing anything. */
async function parse(args: readonly string[]): Promise<void> {
  const program = makeProgram();
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
    if (command.commands.length === 0) command.action(() => undefined);
  }
  await program.parseAsync([...args], { from: 'user' });
}

const TOOLS = [
  { tool: 'kubectl', path: 'kubectl' },
  { tool: 'helm', path: process.env['HELM'] ?? join(homedir(), '.cache/kube-trigger/helm') },
];

/** Of the workspace, and of the package that a page is about: the one beside it, or the tutorial's. */
function scriptsFor(page: string): object {
  const own = page === 'docs/write-a-plugin.md' ? 'examples/plugin-hello' : dirname(page);
  const manifests = ['package.json', join(own, 'package.json')].filter((path) => existsSync(join(ROOT, path)));
  const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { scripts?: object };
  return Object.assign({}, ...manifests.map((path) => read(path).scripts)) as object;
}

function works(path: string): boolean {
  return spawnSync(path, ['help']).status === 0;
}

describe('the commands in the docs', () => {
  it('are found', () => {
    expect(new Set(ours.map(({ page }) => page))).toContain('README.md');
    expect(ours.length).toBeGreaterThan(10);
    expect(kubernetes.length).toBeGreaterThan(20);
  });

  it.each(ours)('of $page are understood: $command', async ({ command }) => {
    await expect(parse(words(command.replace(OURS, '')))).resolves.toBeUndefined();
  });

  it('would be refused if they were wrong', async () => {
    await expect(parse(['lint', '--nope', 'x'])).rejects.toThrow("unknown option '--nope'");
  });

  it('of npm name scripts that exist', () => {
    const run = npm.flatMap(({ page, command }) => {
      const script = /^p?npm (?:run (?:--silent )?)?([a-z-]+)/.exec(command)?.[1] ?? '';
      const builtIn = /^(?:install|add|create|pack|publish|init|exec|version)$/.test(script);
      return builtIn || script in scriptsFor(page) || command.startsWith('npx ') ? [] : [`${page}: ${command}`];
    });
    expect(run).toEqual([]);
  });

  it('are all of a kind that is checked here, or name a file that exists', () => {
    // What these take is not checked: the first three are run by .ci/run, the others are not ours.
    const others = new Set([
      'vitest',
      '.ci/node',
      'deploy/image/build.sh',
      'export',
      'buildah',
      'podman',
      'ctr',
      'cd',
      'echo',
    ]);
    const checked = new Set([...ours, ...npm, ...kubernetes]);
    const unchecked = commands
      .filter((each) => !checked.has(each))
      .filter(({ command }) => {
        const [first = '', second = ''] = command.split(' ');
        if (first === 'node' || first === 'bash') return !existsSync(join(ROOT, second));
        return !others.has(first);
      });
    expect(unchecked).toEqual([]);
  });

  // kubectl and helm read all their flags before they show their help, and talk to nobody. They are skipped where they are not installed.
  describe.each(TOOLS)('of $tool', ({ tool, path }) => {
    const run = promisify(execFile);
    const all = kubernetes.filter(({ command }) => command.startsWith(`${tool} `));

    it.skipIf(!works(path)).each(all)('of $page are understood: $command', async ({ command }) => {
      const args = words(command).slice(1);
      const end = args.indexOf('--');
      const help = run(path, [...(end < 0 ? args : args.slice(0, end)), '--help']);
      await expect(help).resolves.toMatchObject({ stderr: '' });
    });

    it.skipIf(!works(path))('would be refused if they were wrong', async () => {
      await expect(run(path, ['version', '--no-such-flag', '--help'])).rejects.toThrow('no-such-flag');
    });
  });
});

describe('docs/how-to/test-rules.md', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kube-trigger-docs-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('has events that its rule answers as the page says', async () => {
    const page = readFileSync(join(ROOT, 'docs/how-to/test-rules.md'), 'utf8');
    for (const [, name = '', block = ''] of page.matchAll(/```yaml\n# (\w+\.yaml)\n([^]*?)```/g))
      writeFileSync(join(dir, name), block);
    let out = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out += String(text)) !== '');
    const code = await runCli(['eval', join(dir, 'rule.yaml'), '--events', join(dir, 'events.yaml')]);
    vi.restoreAllMocks();
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('cel[0]') as string });
  });
});
