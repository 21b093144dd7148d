import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Envtest, startEnvtest } from '@kube-trigger/testing';
import { describe } from 'vitest';

/** Where a kube-apiserver of at least this minor version is: KT_TEST_NEWER_ASSETS or KUBEBUILDER_ASSETS; else why there is none. */
function assetsOf(minor: number): { readonly assets: string } | { readonly none: string } {
  const found = ['KT_TEST_NEWER_ASSETS', 'KUBEBUILDER_ASSETS'].flatMap((name) => process.env[name] ?? []);
  if (found.length === 0) return { none: 'KT_TEST_NEWER_ASSETS is not set' };
  const versions = found.map((assets) => {
    const { stdout } = spawnSync(join(assets, 'kube-apiserver'), ['--version'], { encoding: 'utf8' });
    return { assets, said: stdout?.trim() ?? '', minor: Number(/v1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0) };
  });
  const fit = versions.find((version) => version.minor >= minor);
  return fit ?? { none: `there is only ${versions.map(({ said }) => said).join(', ')}` };
}

/** A suite that needs an API server newer than the oldest one that is supported; where there is none, it is skipped and says so. */
export function describeOnKubernetes(
  minor: number,
  name: string,
  define: (start: () => Promise<Envtest>) => void,
): void {
  const where = assetsOf(minor);
  if ('none' in where) process.stderr.write(`Skipped, for it takes Kubernetes 1.${minor}: ${name}: ${where.none}.\n`);
  describe.skipIf('none' in where)(`${name} on Kubernetes 1.${minor} or later`, () => {
    define(() =>
      'none' in where
        ? Promise.reject(new Error(where.none))
        : startEnvtest({ assets: where.assets, controllers: false }));
  });
}
