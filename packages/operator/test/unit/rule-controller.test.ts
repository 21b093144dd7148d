import { MemoryCheckpointStore, PluginRegistry } from '@kube-trigger/core';
import { silentLogger, VirtualClock } from '@kube-trigger/core/testing';
import { Observable, type Subscriber } from 'rxjs';
import { container } from 'tsyringe';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RuleController, type RuleControllerOptions } from '../../src/rules/rule-controller.js';
import type { FeedEvent } from '../../src/rules/rule-feed.js';
import type { TriggerRule } from '../../src/rules/trigger-rule.js';

/** Everybody who listens to rules, the first one from the start. */
let listeners: Subscriber<FeedEvent>[];
let doubts: number;
let controller: RuleController;

beforeEach(() => {
  listeners = [];
  doubts = 0;
  const identity = { container: container.createChildContainer(), release: () => Promise.resolve() };
  controller = new RuleController({
    feed: new Observable((subscriber) => void listeners.push(subscriber)),
    logger: silentLogger,
    registry: new PluginRegistry(),
    identities: { acquire: () => identity, doubtWatches: () => (doubts += 1) },
    tenancy: {},
    services: {
      checkpoints: new MemoryCheckpointStore(),
      scheduler: new VirtualClock(),
      random: () => 0.5,
      logger: silentLogger,
    },
    events: { record: () => undefined, drain: () => Promise.resolve() },
    writerFor: () => ({ put: () => undefined, close: () => Promise.resolve() }),
  } as unknown as RuleControllerOptions);
  controller.start();
});

afterEach(() => controller.stop(0));

const rule = (name: string, generation = 1) =>
  ({ namespace: 'shop', name, uid: name, generation, deleting: false, status: {}, spec: {} }) as TriggerRule;
const present = (name: string, generation = 1): FeedEvent => ({ type: 'present', rule: rule(name, generation) });
const running = () => [...controller.rules.keys()];

it('a new leader starts the rules that are said again, and does not wait for those that cannot be listed', async () => {
  const [first] = listeners;
  for (const name of ['a', 'gone', 'forbidden']) first?.next(present(name));
  await controller.lead();
  expect([doubts, running()]).toEqual([1, []]);
  // A list that begins now: of what the first one hears what is new.
  first?.next({ type: 'absent', namespace: 'shop', name: 'gone' });
  listeners[1]?.next(present('a'));
  expect(running()).toEqual(['shop/a']);
  first?.next(present('new'));
  expect(running()).toEqual(['shop/a', 'shop/new']);
});

it('listens once when all rules were said again, and when it leads no more', async () => {
  await controller.lead();
  listeners[1]?.next({ type: 'synced' });
  expect(listeners.map(({ closed }) => closed)).toEqual([false, true]);
  await controller.standBy(0);
  await controller.lead();
  await controller.standBy(0);
  expect(listeners.map(({ closed }) => closed)).toEqual([false, true, true]);
  expect(running()).toEqual([]);
});
