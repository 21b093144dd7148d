import { describe, expect, it } from 'vitest';
import {
  openSource,
  silentLogger,
  type Source,
  type SourceContext,
  type SourceEvent,
  VirtualClock,
} from './support/core.js';
import { Harness, IDENTITY } from './support/harness.js';
import { Recorder } from './support/recorder.js';

const CONTEXT = {
  rule: IDENTITY,
  logger: silentLogger,
  scheduler: new VirtualClock(),
  random: () => 0.5,
  settledRevision: () => undefined,
  recall: () => undefined,
};

const SYNCED: SourceEvent = { change: 'synced' };

function occurred(n: number, settled?: () => void): SourceEvent {
  return { change: 'occurred', key: `k${n}`, revision: `r${n}`, ...(settled ? { settled } : {}) };
}

/** Lets promises that are settled already run on. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 2000; turn += 1) await Promise.resolve();
}

describe('a source that is an AsyncIterable', () => {
  it('is asked as long as fewer than 256 occurrences wait for their end', async () => {
    let asked = 0;
    const acknowledged: number[] = [];
    const source: Source = {
      async *open() {
        yield SYNCED;
        for (;;) {
          asked += 1;
          const n = asked;
          yield occurred(n, () => acknowledged.push(n));
        }
      },
    };
    const said: SourceEvent[] = [];
    const subscription = openSource({ source, config: {}, context: CONTEXT }).subscribe((event) => said.push(event));
    await turns();
    expect([asked, said.length]).toEqual([256, 257]);
    const [, first, second] = said as (SourceEvent & { settled?: (outcome: 'done') => void })[];
    first?.settled?.('done');
    second?.settled?.('done');
    await turns();
    expect([asked, acknowledged]).toEqual([258, [1, 2]]);
    subscription.unsubscribe();
  });

  it('is not held up by events that are no occurrences or lack the form', async () => {
    let asked = 0;
    const source: Source = {
      async *open() {
        for (; asked < 1000; asked += 1) yield { change: 'occurred', key: '', revision: 'r' };
      },
    };
    openSource({ source, config: {}, context: CONTEXT }).subscribe();
    for (let turn = 0; turn < 5; turn += 1) await turns();
    expect(asked).toBe(1000);
  });

  it('is ended on unsubscribe, also while it waits, and says nothing more', async () => {
    const log: string[] = [];
    const source: Source = {
      async *open(_config: unknown, { signal }: SourceContext) {
        try {
          yield SYNCED;
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          log.push('aborted');
          yield occurred(1);
        } finally {
          log.push('released');
        }
      },
    };
    const said: SourceEvent[] = [];
    const subscription = openSource({ source, config: {}, context: CONTEXT }).subscribe((event) => said.push(event));
    await turns();
    subscription.unsubscribe();
    await turns();
    expect([log, said]).toEqual([['aborted', 'released'], [SYNCED]]);
  });

  it('is not begun before somebody subscribes', () => {
    let opened = 0;
    const source: Source = {
      open: () => {
        opened += 1;
        return (async function* () {})();
      },
    };
    openSource({ source, config: {}, context: CONTEXT });
    expect(opened).toBe(0);
  });

  it('whose end fails is reported and nothing else', async () => {
    const faults: unknown[] = [];
    const source: Source = {
      open: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => undefined),
          return: () => Promise.reject(new Error('cannot let go')),
        }),
      }),
    };
    openSource({ source, config: {}, context: CONTEXT, onFault: (thrown) => faults.push(thrown) })
      .subscribe()
      .unsubscribe();
    await turns();
    expect(faults).toEqual([new Error('cannot let go')]);
  });

  it('that ends or fails is opened again, with what it knew lost', async () => {
    let opened = 0;
    const source: Source = {
      async *open() {
        opened += 1;
        yield SYNCED;
        if (opened === 2) throw new Error('gone');
      },
    };
    const harness = await new Harness({
      sources: [{ semantics: 'edge', instance: source }],
      actions: [{ instance: new Recorder(), semantics: 'edge' }],
    }).start();
    await harness.clock.advance(10_000);
    expect(opened).toBeGreaterThanOrEqual(3);
    const degraded = harness.of('source').filter(({ state }) => state === 'degraded');
    expect(degraded.map(({ error }) => error?.code)).toEqual(
      expect.arrayContaining(['KT_SOURCE_ENDED', 'KT_PLUGIN_FAULT']),
    );
    await harness.stop();
  });

  it('has every event delivered once and acknowledged after its action', async () => {
    const order: string[] = [];
    const action = new Recorder();
    action.always = ({ event }) => {
      order.push(`ran ${event.revision}`);
      return { outcome: 'done', targets: [] };
    };
    const source: Source = {
      async *open(_config: unknown, { signal }: SourceContext) {
        yield SYNCED;
        for (const n of [1, 2, 3]) yield occurred(n, () => order.push(`acknowledged r${n}`));
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
    };
    const harness = await new Harness({
      sources: [{ semantics: 'edge', instance: source }],
      actions: [{ instance: action, semantics: 'edge' }],
    }).start();
    expect(order.toSorted()).toEqual(
      [1, 2, 3].flatMap((n) => [`acknowledged r${n}`]).concat(['ran r1', 'ran r2', 'ran r3']),
    );
    for (const n of [1, 2, 3]) expect(order.indexOf(`ran r${n}`)).toBeLessThan(order.indexOf(`acknowledged r${n}`));
    await harness.stop();
  });
});
