import { createHash } from 'node:crypto';
import { defineSource, FetchToken, sleep, type SourceEvent, TriggerError } from '@kube-trigger/core';
import { MySampleConfig } from './config.ts';

export default defineSource({
  name: 'mySample',
  summary: 'Fires when a URL answers something else than before.',
  config: MySampleConfig,
  // It says what is. What changed, also while nothing ran, is found out by the host.
  semantics: 'level',
  revisionFormat: 1,
  rbac: [],
  errors: { KT_MY_SAMPLE_UNREACHABLE: 'The URL cannot be reached, or answers with an error.' },
  validate: ({ url }) =>
    URL.canParse(url) ? [] : [{ path: 'url', message: `"${url}" is not a URL; write https://…` }],
  create: (inject) => {
    const fetch = inject(FetchToken);
    return {
      async *open({ url, everySeconds }, { scheduler, signal }): AsyncGenerator<SourceEvent> {
        const { origin, pathname } = new URL(url);
        // Without the query: keys are shown in status and logs, and that may hold a token.
        const key = origin + pathname;
        while (!signal.aborted) {
          try {
            yield { change: 'present', key, revision: await revisionOf(await fetch(url, { signal })) };
            yield { change: 'synced' };
          } catch (cause) {
            if (signal.aborted) return;
            const fix = 'Correct url, or let the operator reach it';
            const error = new TriggerError('KT_MY_SAMPLE_UNREACHABLE', `${key} gives no answer`, { cause, fix });
            yield { change: 'degraded', error };
          }
          await sleep(everySeconds * 1000, scheduler, signal);
        }
      },
    };
  },
});

/** Equal answers, equal revisions. A digest, so that nothing of the answer is kept. */
async function revisionOf(response: Response): Promise<string> {
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  return createHash('sha256')
    .update(await response.text())
    .digest('base64url');
}
