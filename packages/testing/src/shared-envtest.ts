import { inject } from 'vitest';
import { type Envtest, startEnvtest } from './envtest.js';

/** How to reach the control plane that all test files of a run share. */
export interface SharedEnvtest {
  readonly url: string;
  readonly token: string;
  readonly ca: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the global set-up hands out the shared control plane; absent when it is not configured. */
    kubeTriggerEnvtest: string;
  }
}

let started: Promise<SharedEnvtest> | undefined;

/**
 * The control plane of this test run, started on first demand. With the package's `global-setup` in vitest's configuration
 * there is one for the whole run; without it, one for each test file.
 */
export function sharedEnvtest(): Promise<SharedEnvtest> {
  started ??= obtain();
  return started;
}

async function obtain(): Promise<SharedEnvtest> {
  const broker = inject('kubeTriggerEnvtest') as string | undefined;
  // Nobody stops this one: it ends with the worker, for the programs never outlive the process that started them.
  if (broker === undefined) return startEnvtest().then(pick);

  const answer = await fetch(broker, { method: 'POST', signal: AbortSignal.timeout(120_000) });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as SharedEnvtest;
}

export function pick({ url, token, ca }: Envtest): SharedEnvtest {
  return { url, token, ca };
}
