import { instantText } from '@kube-trigger/schedule';

const SINCE = 'since ';

/** The revision of an occurrence: its instant, e.g. `2026-03-29T01:30:00Z`. */
export function revisionOf(instantMs: number): string {
  return instantText(instantMs);
}

/** The revision of the occurrence that stands for "a timer begins here" and is dropped by its own gate. */
export function beginningOf(instantMs: number): string {
  return `${SINCE}${instantText(instantMs)}`;
}

export function isBeginning(revision: string): boolean {
  return revision.startsWith(SINCE);
}

/** The instant that a revision of either form names; undefined for anything else. */
export function instantOf(revision: string | undefined): number | undefined {
  const [, text] = /^(?:since )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(revision ?? '') ?? [];
  const instantMs = Date.parse(text ?? '');
  return Number.isNaN(instantMs) ? undefined : instantMs;
}
