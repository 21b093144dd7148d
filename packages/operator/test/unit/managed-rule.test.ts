import {
  type CheckpointStore,
  defineAction,
  defineSource,
  type Delivery,
  MemoryCheckpointStore,
  PluginRegistry,
  type RuleReport,
  TriggerError,
} from '@kube-trigger/core';
import { NEVER } from 'rxjs';
import { silentLogger, VirtualClock } from '@kube-trigger/core/testing';
import { container } from 'tsyringe';
import { describe, expect, it } from 'vitest';
import { Type } from 'typebox';
import { ManagedRule, type StatusSink } from '../../src/rules/managed-rule.js';
import type { RuleStatus } from '../../src/rules/trigger-rule.js';

const RULE = {
  namespace: 'shop',
  name: 'web',
  uid: 'u',
  generation: 1,
  deleting: false,
  status: {},
  resume: undefined,
  retry: undefined,
  fire: undefined,
  spec: { sources: [{ silent: {} }], actions: [{ idle: {} }] },
};

const base = { summary: 'Does nothing.', config: Type.Object({}, { additionalProperties: false }), rbac: [] };
const DONE = { outcome: 'done' as const, targets: [] };

class Silent {
  open() {
    return NEVER;
  }
}
const unavailable = () => new TriggerError('KT_CHECKPOINT_UNAVAILABLE', 'down');
const conflict = () => new TriggerError('KT_CHECKPOINT_CONFLICT', 'another', { retry: 'never' });

/** A rule, its clock, the runs by hand that its action saw, and how its checkpoint fares: by default it is well. */
function managed() {
  const registry = new PluginRegistry();
  registry.register(
    defineSource({ ...base, name: 'silent', semantics: 'edge', revisionFormat: 1, useClass: Silent }),
    'test',
  );
  const runs: string[] = [];
  const failures: unknown[] = [];
  class Idle {
    run(_config: unknown, { event }: Delivery) {
      runs.push(event.revision);
      const failure = failures.shift();
      return failure === undefined ? Promise.resolve(DONE) : Promise.reject(failure);
    }
  }
  registry.register(defineAction({ ...base, name: 'idle', semantics: 'edge', useClass: Idle }), 'test');
  const scheduler = new VirtualClock();
  const stored = new MemoryCheckpointStore();
  const store: { opened: number; error?: TriggerError | undefined; opening?: Promise<void> } = { opened: 0 };
  const checkpoints: CheckpointStore = {
    open: async (identity) => {
      store.opened += 1;
      await store.opening;
      if (store.error !== undefined) throw store.error;
      const journal = await stored.open(identity);
      return {
        ...journal,
        put: (record, value) => (store.error === undefined ? journal.put(record, value) : undefined),
        durable: (records) => (store.error === undefined ? journal.durable(records) : Promise.reject(store.error)),
      };
    },
  };
  const identity = { container: container.createChildContainer(), release: () => Promise.resolve() };
  let status: (() => RuleStatus) | undefined;
  const written: (RuleStatus | undefined)[] = [];
  const writer: StatusSink = {
    put: (latest) => (status = latest),
    close: async () => void written.push(status?.()),
  };
  const rule = new ManagedRule(RULE, {
    registry,
    identities: { acquire: () => identity },
    tenancy: {},
    services: { checkpoints, scheduler, random: () => 0.999, logger: silentLogger },
    events: { record: () => undefined, drain: () => Promise.resolve() },
    writerFor: () => writer,
  } as unknown as ConstructorParameters<typeof ManagedRule>[1]);
  return { rule, scheduler, runs, failures, store, identity, written };
}

it('a rule that fails twice before it is restarted is restarted once', async () => {
  const { rule, scheduler, store } = managed();
  store.error = unavailable();
  await scheduler.settle();
  const refused: RuleReport = { type: 'checkpoint', error: conflict() };
  rule.hear(refused);
  rule.hear(refused);
  expect(store.opened).toBe(1);
  await scheduler.advance(1100);
  expect(store.opened).toBe(2);
  await scheduler.advance(2000);
  expect(store.opened).toBe(3);
  await rule.end(0);
});

describe('what is asked of a rule that does not run is done once it runs', () => {
  async function withDeadLetter() {
    const { failures, ...all } = managed();
    failures.push(new TriggerError('KT_X', 'x', { retry: 'never' }));
    all.rule.update({ ...RULE, fire: 'one' });
    await all.scheduler.advance(1000);
    expect(all.runs).toEqual(['one']);
    return all;
  }

  it('when it could not start', async () => {
    const { rule, scheduler, runs, store } = await withDeadLetter();
    store.error = unavailable();
    rule.update({ ...RULE, fire: 'one', generation: 2 });
    await scheduler.settle();
    rule.update({ ...RULE, fire: 'one', generation: 2, retry: 'now' });
    await scheduler.settle();
    store.error = undefined;
    await scheduler.advance(60_000);
    expect(runs).toEqual(['one', 'one']);
    await rule.end(0);
  });

  it('when it was ended while it started, by whoever runs it next', async () => {
    const { rule, scheduler, runs, store, identity, written } = await withDeadLetter();
    let open = () => {};
    store.opening = new Promise((resolve) => (open = resolve));
    rule.update({ ...RULE, fire: 'one', generation: 2, retry: 'now' });
    await scheduler.settle();
    identity.release = async () => {
      open();
      await scheduler.settle();
    };
    const ended = rule.end(0);
    await scheduler.advance(10_000);
    await ended;
    expect(runs).toEqual(['one']);
    expect(written.map((status) => status?.handled)).toEqual([{ fire: 'one' }]);
  });

  it('when its checkpoint belongs to another process', async () => {
    const { rule, scheduler, runs, store } = await withDeadLetter();
    store.error = conflict();
    // About another key: what was given up is left alone while there is something newer of its own.
    const fire = '{"id": "two", "key": "other"}';
    rule.update({ ...RULE, fire });
    await scheduler.settle();
    rule.update({ ...RULE, fire, retry: 'now' });
    await scheduler.settle();
    store.error = undefined;
    await scheduler.advance(60_000);
    expect(runs.toSorted()).toEqual(['one', 'one', 'two']);
    await rule.end(0);
  });
});
