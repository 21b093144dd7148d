import { beforeEach, describe, expect, it } from 'vitest';
import { TriggerError } from '@kube-trigger/core';
import { createEventRecorder, type EventNote, type EventRecorder, type KubeClient } from '../src/index.js';
import { MemoryLogger } from './support/harness.js';
import { TestClock } from './support/test-clock.js';

interface Stored {
  metadata: { name: string; namespace: string };
  count: number;
  message: string;
  [field: string]: unknown;
}

let clock: TestClock;
let logger: MemoryLogger;
let stored: Map<string, Stored>;
let patches: number;
let failing: TriggerError | undefined;
let recorder: EventRecorder;

beforeEach(() => {
  clock = new TestClock();
  logger = new MemoryLogger();
  stored = new Map();
  patches = 0;
  failing = undefined;
  const client: Partial<KubeClient> = {
    create: async <T>(_resource: unknown, _namespace: unknown, body: object) => {
      await Promise.resolve();
      if (failing !== undefined) throw failing;
      const event = body as Stored;
      if (stored.has(event.metadata.name)) throw new TriggerError('KT_KUBE_CONFLICT', 'exists');
      stored.set(event.metadata.name, event);
      return event as T;
    },
    patch: async <T>({ name }: { name: string }, body: object) => {
      await Promise.resolve();
      patches += 1;
      if (failing !== undefined) throw failing;
      const event = stored.get(name);
      if (event === undefined) throw new TriggerError('KT_KUBE_NOT_FOUND', 'gone');
      Object.assign(event, body);
      return event as T;
    },
  };
  recorder = createEventRecorder(client as KubeClient, {
    component: 'kube-trigger',
    instance: 'pod-1',
    logger,
    scheduler: clock,
    monotonicMs: clock.monotonicMs,
  });
});

function note(overrides: Partial<EventNote> = {}): EventNote {
  const regarding = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: 'shop', name: 'web', uid: 'u-1' };
  return { regarding, type: 'Normal', reason: 'RolledOut', message: 'because of cm', ...overrides };
}

const events = (): Stored[] => [...stored.values()];

describe('the event recorder', () => {
  it('writes what old and new kubectl show', async () => {
    recorder.record(note());
    expect(events()).toEqual([]);
    await clock.advance(0);
    expect(events()).toMatchObject([
      {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { namespace: 'shop' },
        involvedObject: { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: 'shop', name: 'web', uid: 'u-1' },
        type: 'Normal',
        reason: 'RolledOut',
        message: 'because of cm',
        count: 1,
        source: { component: 'kube-trigger', host: 'pod-1' },
        reportingComponent: 'kube-trigger',
        reportingInstance: 'pod-1',
      },
    ]);
    const [event] = events();
    expect(event?.metadata.name).toMatch(/^web\.[0-9a-f]{16}$/);
    expect(event?.['lastTimestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it('counts an equal note up within ten minutes, also one that comes while the first is being written', async () => {
    recorder.record(note());
    recorder.record(note());
    await clock.advance(599_000);
    recorder.record(note());
    await clock.advance(0);
    expect(events()).toMatchObject([{ count: 3 }]);
    expect(patches).toBe(1);
    await clock.advance(600_000);
    recorder.record(note());
    recorder.record(note({ message: 'another cause' }));
    await clock.advance(0);
    expect(events().map(({ count }) => count)).toEqual([3, 1, 1]);
  });

  it('makes the Event anew when it has expired on the server', async () => {
    recorder.record(note());
    await clock.advance(0);
    stored.clear();
    recorder.record(note());
    await clock.advance(0);
    expect(events()).toMatchObject([{ count: 2 }]);
  });

  it('lets 25 through per object, then one in five minutes; other objects are not affected', async () => {
    for (let nth = 0; nth < 40; nth += 1) recorder.record(note({ message: `m${nth}` }));
    await clock.advance(0);
    expect(events()).toHaveLength(25);
    expect(recorder.dropped).toBe(15);
    recorder.record(note({ regarding: { ...note().regarding, uid: 'u-2' } }));
    await clock.advance(300_000);
    recorder.record(note({ message: 'later' }));
    recorder.record(note({ message: 'too soon' }));
    await clock.advance(0);
    expect(events()).toHaveLength(27);
  });

  it('cuts a message at 1 KiB between characters', async () => {
    recorder.record(note({ message: '€'.repeat(1_000) }));
    await clock.advance(0);
    const [event] = events();
    expect(Buffer.byteLength(event?.message ?? '')).toBeLessThanOrEqual(1_024);
    expect(event?.message).toMatch(/^€+…$/);
  });

  it('tries again when the server is away, and once only makes one Event', async () => {
    failing = new TriggerError('KT_KUBE_UNREACHABLE', 'away');
    recorder.record(note());
    await clock.advance(500);
    failing = undefined;
    await clock.advance(1_000);
    expect(events()).toHaveLength(1);
    expect(logger.count('warn')).toBe(0);
  });

  it('never throws, and warns once per code', async () => {
    failing = new TriggerError('KT_KUBE_FORBIDDEN', 'no');
    recorder.record(note());
    recorder.record(note({ message: 'second' }));
    await clock.advance(0);
    expect(logger.count('warn')).toBe(1);
    expect(recorder.dropped).toBe(2);
  });

  it('puts events of cluster-scoped objects where kubectl looks', async () => {
    recorder.record(note({ regarding: { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u' } }));
    await clock.advance(0);
    expect(events()).toMatchObject([{ metadata: { namespace: 'default' } }]);
  });

  it('drains within its time', async () => {
    recorder.record(note());
    await recorder.drain();
    expect(events()).toHaveLength(1);
    failing = new TriggerError('KT_KUBE_UNREACHABLE', 'away');
    recorder.record(note({ message: 'lost' }));
    const draining = recorder.drain(500).then(() => clock.now());
    await clock.advance(10_000);
    expect(await draining).toBe(500);
  });
});
