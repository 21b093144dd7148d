import { type CompiledRule, nearest, StringEnum, type TriggerEvent, validateConfig } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';
import type { YamlDocument } from '../rule-files/yaml-text.js';

const OUTCOMES = ['Fires', 'Drop', 'Replaced', 'Waits', 'Error'] as const;

/** What a file of recorded events has for each. */
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
export type Expectation = NonNullable<Static<typeof Recorded>['expect']>;

export interface RecordedEvent {
  readonly event: TriggerEvent;
  readonly atMs: number;
  readonly expect: Expectation | undefined;
}

const START_MS = Date.UTC(2026, 0, 1);

/** The events of a file for one rule. Throws an Error that names the event and the fix. */
export function recordedEvents(documents: readonly YamlDocument[], rule: CompiledRule): RecordedEvent[] {
  const problem = documents.flatMap(({ problems }) => problems)[0];
  if (problem !== undefined) throw new Error(`line ${problem.line}, column ${problem.column}: ${problem.message}`);
  const items = documents.flatMap(({ value }) => value ?? []);
  let beforeMs = START_MS;
  return items.map((item, i): RecordedEvent => {
    const where = `events[${i}]`;
    const short = item as { expect?: unknown };
    const written = typeof short.expect === 'string' ? { ...short, expect: { outcome: short.expect } } : item;
    const { value, issues } = { value: undefined, ...validateConfig(Recorded, written, where) };
    if (value === undefined)
      throw new Error((issues ?? []).map(({ path, message }) => `${path} ${message}`).join('; '));
    const { at, expect, source = rule.sources[0]?.name ?? '', ...event } = value;
    const atMs = at === undefined ? beforeMs : timeOf(at, `${where}.at`);
    if (atMs < beforeMs) throw new Error(`${where}.at "${at}" is before the event before it; sort them by time`);
    beforeMs = atMs;
    refuseUnknown(source, rule, where);
    const times = { observedAtMs: atMs, waitingSinceMs: atMs };
    const revision = event.change === 'deleted' ? '' : `recorded-${i}`;
    return { event: { id: `recorded-${i}`, revision, source, ...event, ...times }, atMs, expect };
  });
}

function timeOf(text: string, where: string): number {
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw new Error(`${where} "${text}" is no time; write it as 2026-01-31T12:00:00Z`);
  return atMs;
}

function refuseUnknown(source: string, rule: CompiledRule, where: string): void {
  const names = rule.sources.map(({ name }) => name);
  if (names.includes(source)) return;
  const close = nearest(source, names);
  const hint = close === undefined ? `there are ${names.join(', ')}` : `did you mean "${close}"?`;
  throw new Error(`${where}.source "${source}" is no source of the rule; ${hint}`);
}
