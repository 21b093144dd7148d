import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

let built: string | undefined;

/** The operator as it is in the image; built from these sources once per run. Returns the program's path. */
export function operatorBundle(): string {
  built ??= build();
  return built;
}

function build(): string {
  const directory = mkdtempSync(join(tmpdir(), 'kube-trigger-bundle-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'bundle.mjs'), directory], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(directory, 'bin', 'kube-trigger.js');
}
