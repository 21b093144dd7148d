import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KINDS } from '../../src/index.js';
import { RunningProgram } from './running-program.js';

export const ROOT = join(import.meta.dirname, '../../../..');
const run = promisify(execFile);

/** Somebody who has nothing of this workspace but its packed packages, in a folder of their own. */
export class Author implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), 'kube-trigger-author-'));
  readonly #packages = join(this.home, 'packed');

  /** Packs everything and creates `my-action`, `my-source` and `my-filter`, with what they need installed. */
  static async settle(): Promise<Author> {
    const author = new Author();
    await run(process.execPath, [join(ROOT, 'scripts/pack.mjs'), author.#packages]);
    const create = readdirSync(author.#packages).find((file) => file.startsWith('create-')) ?? '';
    const call = ['--yes', '--package', join(author.#packages, create), 'create-kube-trigger-plugin'];
    for (const kind of KINDS)
      await author.in('.', 'npx', ...call, `my-${kind}`, '--kind', kind, '--packages', author.#packages);
    await author.in('my-action', 'npm', 'install', '--prefer-offline');
    // All kinds need the same, so once is enough.
    for (const other of ['my-source', 'my-filter']) author.#shareModules(other);
    return author;
  }

  path(...parts: string[]): string {
    return join(this.home, ...parts);
  }

  /** A copy of an example, with everything that it names installed. */
  takeExample(name: string): void {
    cpSync(join(ROOT, 'examples', name), this.path(name), { recursive: true });
    this.#shareModules(name);
  }

  /** An empty project into which these packages are installed as into an image: from their tarballs, without what an operator has. */
  async installInto(project: string, packed: readonly string[]): Promise<void> {
    mkdirSync(this.path(project));
    writeFileSync(this.path(project, 'package.json'), '{ "private": true }');
    const tarballs: string[] = [];
    for (const folder of packed) {
      await this.in(folder, 'npm', 'pack', '--loglevel=error');
      const file = readdirSync(this.path(folder)).find((name) => name.endsWith('.tgz')) ?? '';
      tarballs.push(this.path(folder, file));
    }
    await this.in(project, 'npm', 'install', '--legacy-peer-deps', ...tarballs);
  }

  /** Runs a command in a project and returns what it prints. Rejects with all of its output. */
  async in(project: string, ...[program = '', ...args]: string[]): Promise<string> {
    try {
      const { stdout } = await run(program, args, { cwd: this.path(project), maxBuffer: 1e8 });
      return stdout;
    } catch (thrown) {
      const { stdout = '', stderr = '' } = thrown as { stdout?: string; stderr?: string };
      throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: thrown });
    }
  }

  /** The command that npm installed. */
  kubeTrigger(project: string, ...args: string[]): Promise<string> {
    return this.in(project, this.path('my-action/node_modules/.bin/kube-trigger'), ...args);
  }

  start(project: string, program: string, ...args: string[]): RunningProgram {
    const isOwn = program === 'kube-trigger';
    const command = isOwn ? this.path('my-action/node_modules/.bin/kube-trigger') : program;
    return new RunningProgram(command, args, this.path(project));
  }

  #shareModules(project: string): void {
    symlinkSync(this.path('my-action/node_modules'), this.path(project, 'node_modules'));
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
