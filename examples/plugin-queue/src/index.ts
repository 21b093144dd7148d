import { defineSource, FetchToken, sleep, type SourceEvent, TriggerError } from '@kube-trigger/core';
import { QueueConfig } from './config.ts';
import { type Message, readMessages } from './messages.ts';

/** What an action finds in `event.data`. */
export interface QueueData {
  readonly body: unknown;
}

const AGAIN_AFTER_MS = 5000;
const DELETED_WITHIN_MS = 10_000;

export default defineSource({
  name: 'queue',
  summary: 'Fires for each message of an HTTP queue, and deletes it when it is settled.',
  config: QueueConfig,
  semantics: 'edge',
  revisionFormat: 1,
  rbac: [],
  errors: { KT_QUEUE_SOURCE_UNREACHABLE: 'The queue cannot be reached, or answers with an error.' },
  validate: ({ url }) =>
    URL.canParse(url) ? [] : [{ path: 'url', message: `"${url}" is not a URL; write https://…` }],
  create: (inject) => {
    const fetch = inject(FetchToken);
    return {
      async *open(config, { scheduler, signal, logger }): AsyncGenerator<SourceEvent<QueueData>> {
        const messages = `${config.url.replace(/\/$/, '')}/messages`;
        const ask = `${messages}?max=${config.batch}&wait=${config.waitSeconds}`;
        const remove = async ({ receipt }: Message) => {
          const timely = AbortSignal.any([signal, AbortSignal.timeout(DELETED_WITHIN_MS)]);
          const url = `${messages}/${encodeURIComponent(receipt)}`;
          const response = await fetch(url, { method: 'DELETE', signal: timely });
          await response.body?.cancel();
        };
        // It will be handed out again, and recognised by its id then.
        const removed = (message: Message) =>
          void remove(message).catch(() => logger.info({ message: message.id }, 'a message was not deleted'));
        let sees = false;
        while (!signal.aborted) {
          try {
            // A queue without a message answers late: what was said first is that it is there.
            const asked = fetch(sees ? ask : `${messages}?max=${config.batch}&wait=0`, { signal });
            const found = await messagesOf(await asked);
            if (!sees) yield { change: 'synced' };
            sees = true;
            for (const message of found) {
              const { id, body } = message;
              yield {
                change: 'occurred',
                key: `Message/${id}`,
                revision: id,
                data: { body },
                settled: () => removed(message),
              };
            }
          } catch (cause) {
            if (signal.aborted) return;
            sees = false;
            const { origin } = new URL(config.url);
            const fix = 'Correct url, or let the operator reach it';
            const error = new TriggerError('KT_QUEUE_SOURCE_UNREACHABLE', `the queue at ${origin} gives no messages`, {
              cause,
              fix,
            });
            yield { change: 'degraded', error };
            await sleep(AGAIN_AFTER_MS, scheduler, signal);
          }
        }
      },
    };
  },
});

async function messagesOf(response: Response): Promise<readonly Message[]> {
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  return readMessages(await response.json());
}
