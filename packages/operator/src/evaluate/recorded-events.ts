import { type CompiledRule, type RecordedEvent, readRecordedEvents } from '@kube-trigger/core';
import type { YamlDocument } from '../rule-files/yaml-text.js';

/** The events of a file for one rule. Throws an Error that names the place or the event, and the fix. */
export function recordedEvents(documents: readonly YamlDocument[], rule: CompiledRule): RecordedEvent[] {
  const problem = documents.flatMap(({ problems }) => problems)[0];
  if (problem !== undefined) throw new Error(`line ${problem.line}, column ${problem.column}: ${problem.message}`);
  const items = documents.flatMap(({ value }) => value ?? []);
  return readRecordedEvents(
    items,
    rule.sources.map(({ name }) => name),
  );
}
