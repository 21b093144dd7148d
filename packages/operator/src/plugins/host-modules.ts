import { registerHooks } from 'node:module';
import * as core from '@kube-trigger/core';
import * as kube from '@kube-trigger/kube';
import * as rxjs from 'rxjs';
import * as tsyringe from 'tsyringe';
import * as typebox from 'typebox';

/**
 * What plugins share with the operator. tsyringe must be the same copy, because it keeps the constructors' parameters to itself; the
 * others should be, for memory and for `instanceof`.
 */
const HOST_MODULES: Readonly<Record<string, object>> = {
  '@kube-trigger/core': core,
  '@kube-trigger/kube': kube,
  'reflect-metadata': {},
  rxjs,
  tsyringe,
  typebox,
};

const SCHEME = 'kube-trigger:';
const SHARED = Symbol.for('kube-trigger.hostModules');
let shared = false;

/**
 * From now on every module that asks for one of `HOST_MODULES` gets the operator's own, wherever it is installed and whatever copies a
 * package manager put beside it. That the version fits is looked at before, by the peer range. Works for `import` and `require`, and for an
 * operator that is a single file.
 */
export function shareHostModules(): void {
  if (shared) return;
  shared = true;
  (globalThis as Record<symbol, unknown>)[SHARED] = HOST_MODULES;
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      Object.hasOwn(HOST_MODULES, specifier)
        ? { url: SCHEME + specifier, shortCircuit: true }
        : nextResolve(specifier, context),
    load: (url, context, nextLoad) =>
      url.startsWith(SCHEME)
        ? { format: 'module', source: facade(url.slice(SCHEME.length)), shortCircuit: true }
        : nextLoad(url, context),
  });
}

/** The source of a module that exports what the host's has. Names are not declared in it: typebox exports its own `Symbol`. */
function facade(name: string): string {
  const names = Object.keys(HOST_MODULES[name] ?? {});
  const exports = names.map((key, i) => `v${i} as ${JSON.stringify(key)}`).join(', ');
  const host = `globalThis[Symbol.for('kube-trigger.hostModules')][${JSON.stringify(name)}]`;
  const wanted = names.map((key, i) => `${JSON.stringify(key)}: v${i}`).join(', ');
  return names.length === 0 ? '' : `const { ${wanted} } = ${host}; export { ${exports} };`;
}
