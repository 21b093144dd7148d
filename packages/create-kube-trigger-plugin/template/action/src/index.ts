import { defineAction, FetchToken, TriggerError } from '@kube-trigger/core';
import { MySampleConfig } from './config.ts';

export default defineAction({
  name: 'mySample',
  summary: 'Posts a message to a URL.',
  config: MySampleConfig,
  semantics: 'edge',
  rbac: [],
  errors: {
    KT_MY_SAMPLE_UNREACHABLE: 'The URL cannot be reached.',
    KT_MY_SAMPLE_REFUSED: 'The URL answered with an error.',
  },
  validate: ({ url }) =>
    URL.canParse(url) ? [] : [{ path: 'url', message: `"${url}" is not a URL; write https://…` }],
  create: (inject) => {
    const fetch = inject(FetchToken);
    return {
      async run({ url, text }, { id, event }, { signal }) {
        // Without path and query: targets are shown in status and logs, and those may hold a token.
        const { origin: target } = new URL(url);
        const { key, change } = event;
        const response = await fetch(url, {
          method: 'POST',
          // The id is the same for every repetition of one change: the receiver can tell.
          headers: { 'content-type': 'application/json', 'idempotency-key': id },
          body: JSON.stringify({ text, key, change }),
          signal,
        }).catch((cause: unknown) => {
          signal.throwIfAborted();
          const fix = 'Correct url, or let the operator reach it';
          throw new TriggerError('KT_MY_SAMPLE_UNREACHABLE', `${target} cannot be reached`, { cause, fix });
        });
        await response.body?.cancel();
        if (response.ok) return { outcome: 'done', targets: [{ target, outcome: 'done' }] };
        throw new TriggerError('KT_MY_SAMPLE_REFUSED', `${target} answered ${response.status}`, {
          // What a server is to blame for may pass; a request that it refuses stays refused.
          retry: response.status >= 500 ? 'backoff' : 'never',
          fix: 'See what the receiver says about it',
        });
      },
    };
  },
});
