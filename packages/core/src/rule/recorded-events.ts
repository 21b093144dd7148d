import { type Static, Type } from 'typebox';
import { TriggerError } from '../contract/errors.js';
import type { TriggerEvent } from '../contract/events.js';
import { StringEnum } from '../contract/schema.js';
import { nearest } from './nearest.js';
import { validateConfig } from './validate-config.js';

const OUTCOMES = ['Fires', 'Drop', 'Replaced', 'Waits', 'Error'] as const;

/** What is written down of each event. */
const Recorded = Type.Object(
  {
    at: Type.Optional(Type.String({ description: 'When it was seen. Default: when the one before was.' })),
    source: Type.Optional(Type.String()),
    key: Type.String({ minLength: 1, maxLength: 512 }),
    change: StringEnum(['created', 'updated', 'deleted', 'occurred'], { default: 'updated' }),
    changedKeys: Type.Optional(Type.Array(Type.String())),
    data: Type.Optional(Type.Unknown()),
    object: Type.Optional(Type.Unknown()),
    expect: Type.Optional(
      Type.Object(
        {
          outcome: StringEnum(OUTCOMES),
          gate: Type.Optional(Type.String()),
          because: Type.Optional(Type.String()),
          at: Type.Optional(Type.String()),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

/** What `kube-trigger eval` compares a rule's answer with. */
export type EventExpectation = NonNullable<Static<typeof Recorded>['expect']>;

export interface RecordedEvent {
  readonly event: TriggerEvent;
  readonly expect: EventExpectation | undefined;
}

const START_MS = Date.UTC(2026, 0, 1);

/**
 * Events that were written down, as a file has them: `at`, `source`, `key`, `change`, `changedKeys`, `data`, `object`, `expect`. They are
 * sorted by time and begin at 2026-01-01T00:00:00Z, where the first has no `at`. Of `sources`, where they are given, the first is that
 * of events which name none, and others are refused. Throws `KT_RECORDING_INVALID`, which names the event, the value and the fix; also for
 * a list without events.
 */
export function readRecordedEvents(items: readonly unknown[], sources?: readonly string[]): RecordedEvent[] {
  if (items.length === 0) throw invalid('it has no events; each is written as - key: ConfigMap/shop/app-config');
  let beforeMs = START_MS;
  return items.map((item, i): RecordedEvent => {
    const where = `events[${i}]`;
    const { at, expect, source = sources?.[0] ?? 'recorded', ...event } = fieldsOf(item, where);
    const atMs = at === undefined ? beforeMs : timeOf(at, `${where}.at`);
    if (atMs < beforeMs && i > 0) throw invalid(`${where}.at "${at}" is before the event before it; sort them by time`);
    beforeMs = atMs;
    if (sources !== undefined) refuseUnknown(source, sources, where);
    const times = { observedAtMs: atMs, waitingSinceMs: atMs };
    const revision = event.change === 'deleted' ? '' : `recorded-${i}`;
    return { event: { id: `recorded-${i}`, revision, source, ...event, ...times }, expect };
  });
}

function fieldsOf(item: unknown, where: string): Static<typeof Recorded> {
  const short = item as { expect?: unknown } | null | undefined;
  const written = typeof short?.expect === 'string' ? { ...short, expect: { outcome: short.expect } } : item;
  const validated = validateConfig(Recorded, written, where);
  if (validated.issues === undefined) return validated.value;
  throw invalid(validated.issues.map(({ path, message }) => `${path} ${message}`).join('; '));
}

function timeOf(text: string, where: string): number {
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw invalid(`${where} "${text}" is no time; write it as 2026-01-31T12:00:00Z`);
  return atMs;
}

function refuseUnknown(source: string, names: readonly string[], where: string): void {
  if (names.includes(source)) return;
  const close = nearest(source, names);
  const hint = close === undefined ? `there are ${names.join(', ')}` : `did you mean "${close}"?`;
  throw invalid(`${where}.source "${source}" is no source of the rule; ${hint}`);
}

function invalid(message: string): TriggerError {
  return new TriggerError('KT_RECORDING_INVALID', message, { retry: 'never' });
}
