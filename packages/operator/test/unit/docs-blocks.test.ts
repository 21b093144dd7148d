import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeProgram, withSubcommands } from '../../src/cli/cli.js';

const ROOT = join(import.meta.dirname, '../../../..');

function pagesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** `kube-trigger …` of a shell block, up to a pipe, a redirection or a comment. */
function commandsOf(path: string): string[] {
  const blocks = [...readFileSync(path, 'utf8').matchAll(/^```(?:sh|console)\n([^]*?)^```$/gm)];
  const lines = blocks.flatMap(([, block = '']) => block.split('\n'));
  return lines.flatMap((line) => {
    const call = /(?:^|[|$] ?)\s*(?:npm run --silent )?kube-trigger (?:-- )?([a-z][^|>#]*)/.exec(line);
    return call?.[1] === undefined ? [] : [call[1].trim()];
  });
}

const commands = [join(ROOT, 'README.md'), ...pagesBelow(join(ROOT, 'docs'))].flatMap((path) =>
  commandsOf(path).map((command) => ({ page: path.slice(ROOT.length + 1), command })),
);

/** Parses as the command line does, without doing anything. */
async function parse(args: readonly string[]): Promise<void> {
  const program = makeProgram();
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
    if (command.commands.length === 0) command.action(() => undefined);
  }
  await program.parseAsync([...args], { from: 'user' });
}

describe('the commands in the docs', () => {
  it('are found', () => {
    expect(new Set(commands.map(({ page }) => page))).toContain('README.md');
    expect(commands.length).toBeGreaterThan(5);
  });

  it.each(commands)('of $page are understood: kube-trigger $command', async ({ command }) => {
    await expect(parse(command.split(/\s+/))).resolves.toBeUndefined();
  });

  it('would be refused if they were wrong', async () => {
    await expect(parse(['lint', '--nope', 'x'])).rejects.toThrow("unknown option '--nope'");
  });
});
