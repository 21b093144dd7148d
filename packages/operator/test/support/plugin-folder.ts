import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The source of a plugin that imports nothing. */
export function pluginSource(change: object = {}, body = 'return { outcome: "done", targets: [] }'): string {
  const fields = {
    kind: 'action',
    contract: 1,
    name: 'chat',
    summary: 'Says something in a chat.',
    config: { type: 'object', properties: { room: { type: 'string' } }, required: ['room'] },
    rbac: [],
    semantics: 'edge',
    ...change,
  };
  return `({ ...${JSON.stringify(fields)}, useClass: class { async run(config) { ${body} } } })`;
}

/** A folder into which packages are "installed" by writing them. */
export class PluginFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'kube-trigger-plugins-'));

  write(file: string, text: string): string {
    const path = join(this.path, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** A package whose one module is `source`. */
  install(name: string, source: string, manifest: object = {}): string {
    const folder = join('node_modules', name);
    this.write(
      join(folder, 'package.json'),
      JSON.stringify({
        name,
        version: '1.0.0',
        type: 'module',
        exports: './index.js',
        'kube-trigger': { contract: 1, plugins: ['action/chat'] },
        ...manifest,
      }),
    );
    this.write(join(folder, 'index.js'), source);
    return name;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
