import { compileRule, type RuleReport, type TargetOutcome, type TriggerEvent, TriggerError } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { RuleState } from '../../src/rules/rule-state.js';
import type { RuleStatus } from '../../src/rules/trigger-rule.js';

const IDENTITY = { namespace: 'shop', name: 'web', uid: 'u' };
const SPEC = {
  sources: [{ objectRef: { kind: 'ConfigMap', name: 'cm' } }],
  actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }],
};
const EVENT: TriggerEvent = {
  id: 'i',
  source: 'configMap[0]',
  key: 'ConfigMap/shop/cm',
  revision: 'r',
  change: 'updated',
  changedKeys: ['a'],
  observedAtMs: 0,
  waitingSinceMs: 0,
};
const ACTION = 'updatePodTemplate[0]';

function stateOf(before: RuleStatus = {}, nowMs = { at: 0 }): RuleState {
  const compilation = compileRule(IDENTITY, SPEC, bundledRegistry());
  return new RuleState({ before, generation: 3, compilation, now: () => nowMs.at });
}

function conditions(state: RuleState): Record<string, string> {
  return Object.fromEntries(
    (state.status().conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
}

const failure = new TriggerError('KT_ROLLOUT_TARGET_NOT_FOUND', 'Deployment shop/web does not exist', {
  fix: 'Create it',
});
const settled = (outcome: 'done' | 'unchanged' | 'failed' | 'dropped', error?: TriggerError): RuleReport => ({
  type: 'settled',
  event: EVENT,
  outcome,
  tookMs: 1,
  actions:
    outcome === 'dropped'
      ? []
      : [{ action: ACTION, outcome, attempts: 1, targets: [], ...(error === undefined ? {} : { error }) }],
});
const synced: RuleReport = { type: 'source', source: 'configMap[0]', state: 'synced' };

describe('the targets of an action', () => {
  const targetsOf = (state: RuleState) => state.status().actions?.[0]?.targets ?? [];
  const told = (targets: readonly TargetOutcome[]): RuleReport => ({
    type: 'settled',
    event: EVENT,
    outcome: 'done',
    tookMs: 1,
    actions: [{ action: ACTION, outcome: 'done', attempts: 1, targets }],
  });

  it('are there with how each last ended, and why', () => {
    const nowMs = { at: 0 };
    const state = stateOf({}, nowMs);
    state.apply(told([{ target: 'Deployment/shop/a', outcome: 'done' }]));
    nowMs.at = 5_000;
    state.apply(told([{ target: 'Deployment/shop/b', outcome: 'unchanged', message: 'adopted: helm changed it' }]));
    expect(targetsOf(state)).toEqual([
      {
        target: 'Deployment/shop/b',
        result: 'Unchanged',
        message: 'adopted: helm changed it',
        time: '1970-01-01T00:00:05Z',
      },
      { target: 'Deployment/shop/a', result: 'Done', time: '1970-01-01T00:00:00Z' },
    ]);
  });

  it('are bounded, and those that failed stay in sight until they are done', () => {
    const state = stateOf();
    const error = new TriggerError('KT_ROLLOUT_INCOMPLETE', '1 of 1 failed', {
      targets: [{ target: 'Deployment/shop/bad', outcome: 'failed', message: 'is on fire' }],
    });
    state.apply({ type: 'attemptFailed', event: EVENT, action: ACTION, attempt: 1, error, nextAttemptAtMs: 1 });
    const many = Array.from({ length: 500 }, (_, i): TargetOutcome => ({
      target: `Deployment/shop/w${i}`,
      outcome: 'done',
    }));
    state.apply(told(many));
    expect(targetsOf(state)).toHaveLength(20);
    expect(targetsOf(state)[0]).toMatchObject({
      target: 'Deployment/shop/bad',
      result: 'Failed',
      message: 'is on fire',
    });
    state.apply(told([{ target: 'Deployment/shop/bad', outcome: 'done' }]));
    expect(targetsOf(state).filter(({ result }) => result === 'Failed')).toEqual([]);
  });

  it('are kept while the rule is suspended and across restarts', () => {
    const first = stateOf();
    first.apply(told([{ target: 'Deployment/shop/a', outcome: 'done' }]));
    const compilation = compileRule(IDENTITY, { ...SPEC, suspend: true }, bundledRegistry());
    const suspended = new RuleState({ before: first.status(), generation: 4, compilation, now: () => 0 });
    expect(suspended.status()).toMatchObject({
      sources: [{ name: 'configMap[0]', state: 'Suspended', lastEvent: '1970-01-01T00:00:00Z' }],
      actions: [{ lastResult: 'Done', targets: [{ target: 'Deployment/shop/a' }] }],
    });
    expect(conditions(suspended)).toMatchObject({ Ready: 'False Suspended' });
  });
});

describe('an action that waits', () => {
  const waiting = (againAtMs: number): RuleReport => ({
    type: 'waiting',
    event: EVENT,
    action: ACTION,
    targets: [],
    because: 'wave 1 of 3 is not ready',
    againAtMs,
  });

  it('says for what and until when, and is no trouble', () => {
    const state = stateOf();
    state.apply(synced);
    state.apply({
      type: 'attemptFailed',
      event: EVENT,
      action: ACTION,
      attempt: 1,
      error: failure,
      nextAttemptAtMs: 1,
    });
    state.apply(waiting(60_000));
    expect(conditions(state)).toMatchObject({ Ready: 'True Watching', Stalled: 'False NotStalled' });
    expect(state.status().actions).toEqual([
      {
        name: ACTION,
        lastResult: 'Waiting',
        message: 'ConfigMap/shop/cm: wave 1 of 3 is not ready',
        nextAttempt: '1970-01-01T00:01:00.000Z',
      },
    ]);
  });

  it('has the same status at each look while it looks every second', () => {
    const now = { at: 0 };
    const state = stateOf({}, now);
    state.apply(synced);
    state.apply(waiting(1000));
    const first = state.status();
    now.at = 1000;
    state.apply(waiting(2000));
    expect(state.status()).toEqual(first);
  });
});

describe('conditions', () => {
  const cases: readonly (readonly [string, readonly RuleReport[], string, string])[] = [
    ['nothing was seen yet', [], 'False Syncing', 'False NotStalled'],
    ['all is watched', [synced], 'True Watching', 'False NotStalled'],
    [
      'a source cannot see',
      [
        synced,
        {
          type: 'source',
          source: 'configMap[0]',
          state: 'degraded',
          error: new TriggerError('KT_KUBE_FORBIDDEN', 'no'),
        },
      ],
      'False KubeForbidden',
      'False NotStalled',
    ],
    [
      'a check fails',
      [synced, { type: 'check', action: ACTION, error: failure }],
      'False RolloutTargetNotFound',
      'False NotStalled',
    ],
    [
      'a check recovered',
      [synced, { type: 'check', action: ACTION, error: failure }, { type: 'check', action: ACTION }],
      'True Watching',
      'False NotStalled',
    ],
    [
      'an attempt failed and will be repeated',
      [
        synced,
        { type: 'attemptFailed', event: EVENT, action: ACTION, attempt: 1, error: failure, nextAttemptAtMs: 1000 },
      ],
      'False RolloutTargetNotFound',
      'False NotStalled',
    ],
    ['an event was given up', [synced, settled('failed', failure)], 'False DeadLetters', 'True DeadLetters'],
    [
      'a later state of the key went through',
      [synced, settled('failed', failure), settled('done')],
      'True Watching',
      'False NotStalled',
    ],
    [
      'the breaker tripped',
      [synced, { type: 'tripped', error: new TriggerError('KT_BREAKER_TRIPPED', 'too often') }],
      'False Tripped',
      'True Tripped',
    ],
    [
      'the breaker was reset',
      [synced, { type: 'tripped', error: new TriggerError('KT_BREAKER_TRIPPED', 'too often') }, { type: 'resumed' }],
      'True Watching',
      'False NotStalled',
    ],
    [
      'the checkpoint cannot be written',
      [synced, { type: 'checkpoint', error: new TriggerError('KT_CHECKPOINT_UNAVAILABLE', 'down') }],
      'False CheckpointUnavailable',
      'False NotStalled',
    ],
  ];

  it.each(cases)('when %s', (_, reports, ready, stalled) => {
    const state = stateOf();
    for (const report of reports) state.apply(report);
    expect(conditions(state)).toEqual({ Accepted: 'True Accepted', Ready: ready, Stalled: stalled });
  });

  it('of an invalid rule name every issue', () => {
    const compilation = { issues: [{ path: 'spec.a', message: 'is wrong' }], reason: 'Invalid' } as const;
    const state = new RuleState({ before: {}, generation: 1, compilation, now: () => 0 });
    expect(state.status().conditions?.[0]).toMatchObject({
      status: 'False',
      reason: 'Invalid',
      message: 'spec.a: is wrong',
    });
    expect(conditions(state)).toEqual({ Accepted: 'False Invalid', Ready: 'False Invalid', Stalled: 'True Invalid' });
  });

  it('keep the time of their last transition, also across a restart', () => {
    const now = { at: Date.parse('2026-01-01T00:00:00Z') };
    const first = stateOf({}, now);
    first.apply(synced);
    const before = first.status();
    now.at += 60_000;
    const second = stateOf(before, now);
    second.apply(synced);
    expect(second.status().conditions).toEqual(before.conditions);
    now.at += 60_000;
    second.apply({ type: 'check', action: ACTION, error: failure });
    const changed = second.status().conditions?.find(({ type }) => type === 'Ready');
    expect(changed?.lastTransitionTime).toBe('2026-01-01T00:02:00Z');
    now.at += 60_000;
    expect(second.status().conditions).toContainEqual(changed);
  });
});

describe('status', () => {
  it('counts on across restarts', () => {
    const first = stateOf();
    first.apply(settled('done'));
    first.apply(settled('dropped'));
    const second = stateOf(first.status());
    second.apply(settled('done'));
    expect(second.status().counters).toEqual({ done: 2, unchanged: 0, failed: 0, dropped: 1 });
  });

  it('a dropped event is history, but no firing', () => {
    const state = stateOf();
    state.apply(settled('dropped'));
    expect(state.status()).toMatchObject({ lastFired: null, lastResult: null });
    expect(state.status().history).toMatchObject([{ key: EVENT.key, result: 'Dropped' }]);
  });

  it('shows the last ten events and dead letters, however many there were', () => {
    const state = stateOf();
    for (let i = 0; i < 50; i += 1) {
      const report = settled('failed', failure);
      state.apply(
        report.type === 'settled' ? { ...report, event: { ...EVENT, key: `ConfigMap/shop/cm-${i}` } } : report,
      );
    }
    expect(state.status().history).toHaveLength(10);
    expect(state.status().deadLetters).toHaveLength(10);
    expect(state.status().deadLetters?.[0]).toMatchObject({
      key: 'ConfigMap/shop/cm-49',
      reason: 'KT_ROLLOUT_TARGET_NOT_FOUND',
    });
  });

  it('cuts long messages', () => {
    const state = stateOf();
    state.apply({ type: 'check', action: ACTION, error: new TriggerError('KT_PLUGIN_FAULT', 'x'.repeat(10_000)) });
    expect(JSON.stringify(state.status()).length).toBeLessThan(3000);
  });
});
