import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineFilter, isTriggerError, PASS, type Verdict } from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { fakeContext, makeInstance, recordedEvents } from '../../src/contracts/index.js';

const RECORDING = `
- at: 2026-03-01T12:00:00Z
  key: ConfigMap/shop/app
  changedKeys: [app.conf]
  expect: Fires
- { key: ConfigMap/shop/app, change: deleted, source: 'configMap[1]', data: { on: yes } }
`;
const NOON_MS = Date.UTC(2026, 2, 1, 12);

describe('recordedEvents', () => {
  it('gives what filters and actions get', () => {
    const times = { observedAtMs: NOON_MS, waitingSinceMs: NOON_MS };
    const key = 'ConfigMap/shop/app';
    const [first, second] = recordedEvents(RECORDING);
    expect(first).toEqual({
      id: 'recorded-0',
      revision: 'recorded-0',
      source: 'recorded',
      key,
      change: 'updated',
      changedKeys: ['app.conf'],
      ...times,
    });
    expect(second).toMatchObject({ id: 'recorded-1', revision: '', source: 'configMap[1]', key, change: 'deleted' });
  });

  it('begins at the first event, or at New Year 2026, and stands still between events without a time', () => {
    const at = (text: string) => recordedEvents(text).map(({ observedAtMs }) => observedAtMs);
    expect(at(RECORDING)).toEqual([NOON_MS, NOON_MS]);
    expect(at('[{key: a}]')).toEqual([Date.UTC(2026, 0, 1)]);
    expect(at('[{key: a, at: 2020-02-03T00:00:00Z}]')).toEqual([Date.UTC(2020, 1, 3)]);
  });

  it('can be asked of a filter at their times, as the README does', async () => {
    const config = Type.Object({ quietMs: Type.Integer() });
    const quiet = defineFilter({
      name: 'quiet',
      summary: 'Waits.',
      config,
      rbac: [],
      create: () => ({
        decide: ({ quietMs }, { waitingSinceMs }, { scheduler: clock }) =>
          clock.now() < waitingSinceMs + quietMs
            ? { deferUntilMs: waitingSinceMs + quietMs, because: 'not quiet' }
            : PASS,
      }),
    });
    const filter = makeInstance(quiet);
    const scheduler = new VirtualClock(0);
    const verdicts: Verdict[] = [];
    for (const event of recordedEvents(RECORDING)) {
      await scheduler.advance(event.observedAtMs - scheduler.now());
      verdicts.push(filter.decide({ quietMs: 5 }, event, fakeContext({ scheduler })));
    }
    const later = { deferUntilMs: NOON_MS + 5, because: 'not quiet' };
    expect(verdicts).toEqual([later, later]);
  });

  it('knows the sources of a rule, when it is told', () => {
    const sources = ['configMap[0]', 'configMap[1]'];
    expect(recordedEvents(RECORDING, sources).map(({ source }) => source)).toEqual(sources);
    expect(() => recordedEvents(RECORDING, ['configMap[0]'])).toThrow(
      'events[1].source "configMap[1]" is no source of the rule; did you mean "configMap[0]"?',
    );
  });

  it('reads a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kube-trigger-recording-'));
    const file = join(folder, 'events.yaml');
    writeFileSync(file, RECORDING);
    expect(recordedEvents(pathToFileURL(file))).toEqual(recordedEvents(RECORDING));
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['', 'it has no events'],
    ['[]', 'it has no events'],
    ['events.yaml', 'events[0]'],
    ['- null', 'events[0].key is required'],
    ['- {key: a}\n- {key: [', 'line 2, column'],
    ['- {key: a, at: noon}', 'events[0].at "noon" is no time; write it as 2026-01-31T12:00:00Z'],
    ['- {key: a, kind: b}', 'events[0].kind is not a known field'],
    ['- {key: a, expect: Fire}', 'events[0].expect.outcome "Fire" is not one of Fires, Drop, Replaced, Waits, Error'],
    ['- {key: a, at: 2026-01-02}\n- {key: a, at: 2026-01-01}', 'events[1].at "2026-01-01" is before the event'],
  ])('refuses %j', (text, message) => {
    let thrown: unknown;
    try {
      recordedEvents(text);
    } catch (error) {
      thrown = error;
    }
    expect(isTriggerError(thrown) && [thrown.code, thrown.message]).toEqual([
      'KT_RECORDING_INVALID',
      expect.stringContaining(message),
    ]);
  });
});
