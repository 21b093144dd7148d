import {
  type CheckpointStore,
  defineAction,
  defineSource,
  PluginRegistry,
  type RuleReport,
  TriggerError,
} from '@kube-trigger/core';
import { NEVER } from 'rxjs';
import { silentLogger, VirtualClock } from '@kube-trigger/core/testing';
import { container } from 'tsyringe';
import { expect, it } from 'vitest';
import { Type } from 'typebox';
import { ManagedRule } from '../../src/rules/managed-rule.js';

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
class Silent {
  open() {
    return NEVER;
  }
}
class Idle {
  run() {
    return Promise.resolve({ outcome: 'done' as const, targets: [] });
  }
}

function managed() {
  const registry = new PluginRegistry();
  registry.register(
    defineSource({ ...base, name: 'silent', semantics: 'edge', revisionFormat: 1, useClass: Silent }),
    'test',
  );
  registry.register(defineAction({ ...base, name: 'idle', semantics: 'edge', useClass: Idle }), 'test');
  const scheduler = new VirtualClock();
  let opened = 0;
  const checkpoints: CheckpointStore = {
    open: () => {
      opened += 1;
      return Promise.reject(new TriggerError('KT_CHECKPOINT_UNAVAILABLE', 'down', { retry: 'never' }));
    },
  };
  const rule = new ManagedRule(RULE, {
    registry,
    identities: { acquire: () => ({ container: container.createChildContainer(), release: () => Promise.resolve() }) },
    tenancy: {},
    services: { checkpoints, scheduler, random: () => 0.999, logger: silentLogger },
    events: { record: () => undefined, drain: () => Promise.resolve() },
    writerFor: () => ({ put: () => undefined, close: () => Promise.resolve() }),
  } as unknown as ConstructorParameters<typeof ManagedRule>[1]);
  return { rule, scheduler, opened: () => opened };
}

it('a rule that fails twice before it is restarted is restarted once', async () => {
  const { rule, scheduler, opened } = managed();
  await scheduler.settle();
  const refused: RuleReport = {
    type: 'checkpoint',
    error: new TriggerError('KT_CHECKPOINT_CONFLICT', 'another', { retry: 'never' }),
  };
  rule.hear(refused);
  rule.hear(refused);
  expect(opened()).toBe(1);
  await scheduler.advance(1100);
  expect(opened()).toBe(2);
  await scheduler.advance(2000);
  expect(opened()).toBe(3);
  await rule.end(0);
});
