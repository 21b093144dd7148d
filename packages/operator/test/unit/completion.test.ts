import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../src/cli/cli.js';

afterEach(() => vi.restoreAllMocks());

async function printed(...args: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out += String(text)) !== '');
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  vi.spyOn(console, 'log').mockImplementation((text: string) => void (out += `${text}\n`));
  return { code: await runCli(args), out };
}

async function completed(...words: string[]): Promise<{ values: string[]; directive: string | undefined }> {
  const { code, out } = await printed('complete', '--', ...words);
  expect(code).toBe(0);
  const lines = out.trimEnd().split('\n');
  return { directive: lines.pop(), values: lines.map((line) => line.split('\t')[0] ?? '') };
}

describe('completion', () => {
  it.each([
    [['ex'], ['explain']],
    [
      ['plugins', ''],
      ['list', 'describe', 'help'],
    ],
    [['plugins', 'describe', 'web'], ['webhook']],
    [['lint', '--out'], ['--output']],
    [
      ['history', 'web', '-o', ''],
      ['table', 'json', 'yaml'],
    ],
    [['run', '--log-level', 'w'], ['warn']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', 'powershell'],
    ],
  ])('offers for %j', async (words, expected) => {
    expect(await completed(...words)).toEqual({ directive: ':4', values: expected });
  });

  it.each([[['lint', '']], [['lint', 'a.yaml', '']], [['run', '--kubeconfig', '']], [['run', '-f', '']]])(
    'leaves %j to the files of the shell',
    async (words) => {
      expect(await completed(...words)).toEqual({ directive: ':0', values: [] });
    },
  );

  it('offers every visible command and not itself', async () => {
    const { values } = await completed('');
    expect(values).toEqual(expect.arrayContaining(['run', 'lint', 'suspend', 'completion']));
    expect(values).not.toContain('complete');
  });

  it('is silent about names of rules where no cluster answers', async () => {
    expect(await completed('explain', '--kubeconfig', '/nowhere/config', '')).toEqual({ directive: ':4', values: [] });
  });

  it.each(['bash', 'zsh', 'fish', 'powershell'])('prints a script for %s', async (shell) => {
    const { code, out } = await printed('completion', shell);
    expect(code).toBe(0);
    expect(out).toContain('kube-trigger complete');
  });

  it('prints a script that bash can read', async () => {
    const { out } = await printed('completion', 'bash');
    expect(execFileSync('bash', ['-n'], { input: out, encoding: 'utf8' })).toBe('');
  });

  it('refuses a shell that it does not know', async () => {
    expect((await printed('completion', 'tcsh')).code).toBe(2);
  });
});
