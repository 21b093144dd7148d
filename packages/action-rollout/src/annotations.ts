import { createHash } from 'node:crypto';
import type { RuleIdentity, TriggerEvent } from '@kube-trigger/core';

const PREFIX = 'trigger.app.example.com';

/** What all annotations of kube-trigger begin with. */
export const OUR_PREFIX = `${PREFIX}/`;

/** The annotation on the pod template that says why it last changed, for people. Rules share it; the last one is seen. */
export const CAUSE_ANNOTATION = `${PREFIX}/cause`;

/** Kubernetes allows so many characters after the prefix. */
const MAX_NAME = 63;
const HASH_LENGTH = 10;

/**
 * The annotation in which a rule keeps its revision on a target: `<prefix>/<namespace>.<name>`, and where that is too long, its
 * beginning, `_` and a hash. Unique per rule: namespaces have no dots, and names have no `_`.
 */
export function revisionAnnotation({ namespace, name }: RuleIdentity): string {
  const plain = `${namespace}.${name}`;
  return `${PREFIX}/${plain.length <= MAX_NAME ? plain : shortened(plain)}`;
}

/**
 * The annotation on a workload itself that says which revision it was rolled back from, by the annotation of that revision. Never equal to
 * any rule's: no namespace has a `_`.
 */
export function undoneMark(annotation: string): string {
  const name = `${UNDONE}${annotation.slice(OUR_PREFIX.length)}`;
  return `${OUR_PREFIX}${name.length <= MAX_NAME ? name : shortened(name)}`;
}

const UNDONE = 'undone_';

function shortened(name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  return `${name.slice(0, MAX_NAME - HASH_LENGTH - 1)}_${hash}`;
}

const MAX_CAUSE = 512;
const MAX_SUBJECT = 160;
const MAX_KEY = 40;
const MAX_RULE = 200;
const SHOWN_KEYS = 2;

/**
 * One line for people, e.g. `ConfigMap shop/app-config updated (app.conf, b.conf +3 more) by TriggerRule shop/example at
 * 2026-11-22T16:00:00Z`. Names only, never values; at most 512 characters. The same event always gives the same text, so that
 * patching it twice changes nothing the second time.
 */
export function causeOf(event: TriggerEvent, rule: RuleIdentity): string {
  const subject = cut(event.key.replace(/^([A-Z][A-Za-z]*)\//, '$1 '), MAX_SUBJECT);
  const by = cut(`${rule.namespace}/${rule.name}`, MAX_RULE);
  return printable(`${subject} ${event.change}${keysOf(event)} by TriggerRule ${by} at ${timeOf(event)}`).slice(
    0,
    MAX_CAUSE,
  );
}

function keysOf({ changedKeys = [] }: TriggerEvent): string {
  if (changedKeys.length === 0) return '';
  const shown = changedKeys.slice(0, SHOWN_KEYS).map((key) => cut(key, MAX_KEY));
  const more = changedKeys.length - shown.length;
  return ` (${shown.join(', ')}${more > 0 ? ` +${more} more` : ''})`;
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** An occurrence whose revision is an instant happened then, whenever it is delivered. */
function timeOf({ change, revision, observedAtMs }: TriggerEvent): string {
  if (change === 'occurred' && INSTANT.test(revision)) return revision;
  return new Date(observedAtMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}

/** Keys of other sources may hold anything; an annotation shown in a terminal must not. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, '?');
}
