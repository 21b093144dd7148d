import { execFile, type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Kubectl {
  /** Where it was found: the old one beside the envtest binaries, the recent one on the PATH. */
  name: 'kubectl of KUBEBUILDER_ASSETS' | 'kubectl on the PATH';
  path: string;
}

/** The kubectls of this machine; none is a reason to skip. */
export function installedKubectls(): Kubectl[] {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const found: Kubectl[] = [];
  if (assets !== undefined && isExecutable(join(assets, 'kubectl'))) {
    found.push({ name: 'kubectl of KUBEBUILDER_ASSETS', path: join(assets, 'kubectl') });
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '' && folder !== assets);
  const path = folders.map((folder) => join(folder, 'kubectl')).find(isExecutable);
  if (path !== undefined) found.push({ name: 'kubectl on the PATH', path });
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface KubectlResult {
  code: number;
  out: string;
  err: string;
}

/** One kubectl with a kubeconfig and a namespace. */
export class KubectlSession {
  constructor(
    private readonly path: string,
    private readonly env: { kubeconfig: string; home: string; namespace: string },
  ) {}

  /** Runs it to its end; `input` goes to its stdin. */
  run(args: string[], { input, editor }: { input?: unknown; editor?: string } = {}): Promise<KubectlResult> {
    return new Promise((resolve) => {
      const child = execFile(
        this.path,
        this.#args(args),
        { env: this.#env(editor), timeout: 30_000 },
        (error, out, err) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, out, err });
        },
      );
      child.stdin?.end(input === undefined ? '' : JSON.stringify(input));
    });
  }

  /** Its standard output; rejects when it fails. */
  async ok(args: string[], options: { input?: unknown; editor?: string } = {}): Promise<string> {
    const { code, out, err } = await this.run(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${err}${out}`);
    return out;
  }

  /** Starts it and leaves it running; `output()` is what it has printed so far. */
  start(args: string[]): { child: ChildProcess; output(): string } {
    const child = spawn(this.path, this.#args(args), { env: this.#env(), stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    return { child, output: () => output };
  }

  #args(args: string[]): string[] {
    return ['--namespace', this.env.namespace, ...args];
  }

  #env(editor = 'false'): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], KUBECONFIG: this.env.kubeconfig, HOME: this.env.home, KUBE_EDITOR: editor };
  }
}
