import { readFileSync } from 'node:fs';
import { readRecordedEvents, type TriggerEvent, TriggerError } from '@kube-trigger/core';
import { LineCounter, parseAllDocuments, type Tags } from 'yaml';
import { fakeEvent } from './fake-context.js';

/**
 * The events of a recording: its text, or the URL of its file. The form is that of `kube-trigger eval --events`, a list in YAML or JSON, so
 * that one file serves both; what is expected there of a whole rule (`expect`) is checked for its form and left to that command. Of
 * `sources`, where they are given, the first is that of events which name none, and others are refused; else it is `recorded`. Throws
 * `KT_RECORDING_INVALID`, also when there are no events.
 */
export function recordedEvents(recording: string | URL, sources?: readonly string[]): TriggerEvent[] {
  const text = typeof recording === 'string' ? recording : readFileSync(recording, 'utf8');
  return readRecordedEvents(documentsOf(text), sources).map(({ event }) => event);
}

/** As the command reads it: YAML 1.1 without the types that Kubernetes does not know. */
function documentsOf(text: string): unknown[] {
  const lineCounter = new LineCounter();
  const options = { version: '1.1', customTags: withoutForeignTypes, prettyErrors: false, logLevel: 'silent' } as const;
  const documents = parseAllDocuments(text.replace(/^\uFEFF/, ''), { ...options, lineCounter });
  const invalid = (offset: number, cause: unknown) => {
    const { line, col } = lineCounter.linePos(offset);
    const [message] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1);
    const where = `line ${Math.max(line, 1)}, column ${Math.max(col, 1)}`;
    return new TriggerError('KT_RECORDING_INVALID', `${where}: ${message}`, { retry: 'never', cause });
  };
  return [...documents].flatMap((document): unknown[] => {
    const [error] = document.errors;
    if (error !== undefined) throw invalid(error.pos[0], error);
    try {
      return [(document.toJS() as unknown) ?? []].flat();
    } catch (thrown) {
      throw invalid(document.contents?.range?.[0] ?? 0, thrown);
    }
  });
}

function withoutForeignTypes(tags: Tags): Tags {
  const foreign = /:(timestamp|binary|set|omap|pairs)$/;
  return tags.filter((tag) => typeof tag === 'string' || !(foreign.test(tag.tag) || tag.format === 'TIME'));
}

const CONFIG_MAP = { namespace: 'shop', name: 'app-config' };
const INSTANT = '2026-01-01T03:30:00Z';

/** One event of each sort, as the bundled sources lead to them. Copy with `{ ...SAMPLE_EVENTS.secretUpdated, id: 'another' }`. */
export const SAMPLE_EVENTS = {
  configMapCreated: fakeEvent({ id: 'created-1', change: 'created', data: CONFIG_MAP }),
  configMapUpdated: fakeEvent({ id: 'updated-1', data: CONFIG_MAP }),
  /** Nothing but the key says what it was about. */
  configMapDeleted: fakeEvent({ id: 'deleted-1', change: 'deleted', revision: '' }),
  secretUpdated: fakeEvent({
    id: 'updated-2',
    source: 'secret[0]',
    key: 'Secret/shop/login',
    changedKeys: ['password'],
    data: { namespace: 'shop', name: 'login' },
  }),
  timerOccurred: {
    id: 'occurred-1',
    source: 'timer[0]',
    key: 'Timer/shop/example/30_3_*_*_*',
    revision: INSTANT,
    change: 'occurred',
    data: { scheduledAt: INSTANT },
    observedAtMs: Date.parse(INSTANT),
    waitingSinceMs: Date.parse(INSTANT),
  },
} as const satisfies Readonly<Record<string, TriggerEvent>>;
