import type { ManualRun } from '@kube-trigger/core';
import { createHash } from 'node:crypto';

const LONGEST = { id: 128, text: 512 };

/**
 * What the annotation `app.example.com/fire` asks for: JSON `{"id", "by", "source", "key"}` as `kube-trigger fire` writes it. Any other
 * text is the id of a run of which no more is known.
 */
export function manualRunOf(annotation: string): ManualRun {
  const { id, by, source, key } = fieldsOf(annotation);
  return {
    id: id !== undefined && id.length <= LONGEST.id ? id : digestOf(annotation),
    by: by ?? 'annotation',
    ...(source === undefined ? {} : { source }),
    ...(key === undefined ? {} : { key }),
  };
}

function fieldsOf(annotation: string): Partial<Record<keyof ManualRun, string>> {
  try {
    const said: unknown = JSON.parse(annotation);
    if (typeof said !== 'object' || said === null) return { id: annotation };
    const texts = Object.entries(said).filter(([, value]) => typeof value === 'string' && isShort(value));
    return Object.fromEntries(texts) as Partial<Record<keyof ManualRun, string>>;
  } catch {
    return annotation === '' ? {} : { id: annotation };
  }
}

function isShort(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST.text;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
