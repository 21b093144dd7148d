import { execFileSync, spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RbacRule } from '@kube-trigger/core';
import { parseAllDocuments } from 'yaml';

export const DEPLOY = join(dirname(fileURLToPath(import.meta.url)), '../../../../deploy');
export const OVERLAYS = ['cluster-wide', 'single-namespace', 'namespaces'] as const;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly RbacRule[];
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly containers: readonly { readonly args: readonly string[]; readonly securityContext: object }[];
}

const HELM = process.env['HELM'] ?? join(homedir(), '.cache/kube-trigger/helm');

/** Neither is a part of this project: what needs them is skipped where they are not installed; `.ci/run` installs helm. */
export const hasHelm = spawnSync(HELM, ['version'], { stdio: 'ignore' }).status === 0;
// kubectl before 1.21 has a kustomize that does not know `resources: [../../base]`.
const kubectl = spawnSync('kubectl', ['version', '--client', '-o', 'yaml'], { encoding: 'utf8' }).stdout ?? '';
export const hasKustomize = /kustomizeVersion: v[45]/.test(kubectl);
if (!hasHelm)
  process.stderr.write('Tests of the rendered chart are skipped: there is no helm, neither HELM nor in ~/.cache.\n');
if (!hasKustomize)
  process.stderr.write('Tests of the rendered overlays are skipped: there is no kubectl of 1.21 or later.\n');

export function kustomize(overlay: (typeof OVERLAYS)[number]): Manifest[] {
  return parsed(
    execFileSync('kubectl', ['kustomize', join(DEPLOY, 'kustomize/overlays', overlay)], { encoding: 'utf8' }),
  );
}

/** The process's own answer, for what is refused. */
export function helm(...args: string[]) {
  const command = ['template', 'kube-trigger', join(DEPLOY, 'chart'), '--namespace', 'kube-trigger', ...args];
  return spawnSync(HELM, command, { encoding: 'utf8' });
}

/** Throws with helm's words. */
export function chart(...args: string[]): Manifest[] {
  const { stdout, stderr, status } = helm(...args);
  if (status !== 0) throw new Error(stderr);
  return parsed(stdout);
}

function parsed(text: string): Manifest[] {
  return parseAllDocuments(text, { version: '1.1' }).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}
