import { TriggerError } from '../contract/errors.js';
import type { SourceEvent } from '../contract/events.js';

const MAX_KEY = 512;
const MAX_REVISION = 128;
const MAX_MARK = 64;

/** Returns what a plugin emitted, if it keeps the contract of its semantics; else what is wrong with it. */
export function checkSourceEvent(said: unknown, semantics: 'level' | 'edge'): SourceEvent | TriggerError {
  try {
    const wrong = whatIsWrong(said, semantics);
    return wrong === undefined ? (said as SourceEvent) : fault(wrong);
  } catch {
    return fault('cannot be read');
  }
}

function fault(wrong: string): TriggerError {
  return new TriggerError('KT_PLUGIN_FAULT', `the source emitted an event that ${wrong}; it is left out`);
}

function whatIsWrong(said: unknown, semantics: 'level' | 'edge'): string | undefined {
  if (typeof said !== 'object' || said === null) return 'is no object';
  const event = said as Record<string, unknown>;
  switch (event['change']) {
    case 'synced':
    case 'degraded':
      return undefined;
    case 'present':
      return semantics === 'edge' ? 'says what is (present)' : presentIsWrong(event);
    case 'absent':
      return semantics === 'edge' ? 'says what is (absent)' : badKey(event);
    case 'occurred':
      return semantics === 'level' ? 'says what happened (occurred)' : (badKey(event) ?? badRevision(event));
    default:
      return 'has an unknown change';
  }
}

function presentIsWrong(event: Record<string, unknown>): string | undefined {
  return badKey(event) ?? badRevision(event) ?? badParts(event) ?? badMark(event);
}

function badKey({ key }: Record<string, unknown>): string | undefined {
  return isText(key, MAX_KEY) ? undefined : `has no key of 1 to ${MAX_KEY} characters`;
}

function badRevision({ revision }: Record<string, unknown>): string | undefined {
  return isText(revision, MAX_REVISION) ? undefined : `has no revision of 1 to ${MAX_REVISION} characters`;
}

function badParts({ parts }: Record<string, unknown>): string | undefined {
  if (parts === undefined) return undefined;
  const texts = typeof parts === 'object' && parts !== null && Object.values(parts).every((p) => typeof p === 'string');
  return texts ? undefined : 'has parts that are no digests by name';
}

function badMark({ mark }: Record<string, unknown>): string | undefined {
  return mark === undefined || isText(mark, MAX_MARK)
    ? undefined
    : `has a mark that is not 1 to ${MAX_MARK} characters`;
}

function isText(value: unknown, longest: number): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= longest;
}
