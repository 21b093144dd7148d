import type { KubeObject } from '@kube-trigger/kube';
import { OUR_PREFIX } from '../annotations.js';

/** Who, other than kube-trigger, last wrote the pod template, as far as the API server tells. */
export interface Writer {
  readonly manager: string;
  readonly atMs: number;
}

/** Who wrote what of a workload and when, on the API server's clock, to the second. */
export interface Authorship {
  readonly writer: Writer | undefined;
  /** When each of our annotations, on it or on its template, got its value. */
  readonly writtenAtMs: Readonly<Record<string, number>>;
  /** When its status last changed. */
  readonly statusAtMs: number | undefined;
}

interface ManagedFields {
  readonly manager?: string;
  readonly time?: string;
  readonly fieldsV1?: Fields;
}

/** `f:spec` and the like, nested. (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management) */
interface Fields {
  readonly [field: string]: Fields | undefined;
}

const OUR_FIELD = `f:${OUR_PREFIX}`;

/** As an object's managed fields say; `templatePath` leads to its pod template. */
export function authorshipOf({ metadata }: KubeObject, templatePath: readonly string[]): Authorship {
  const { managedFields = [] } = metadata as { readonly managedFields?: readonly ManagedFields[] };
  const writtenAtMs: Record<string, number> = {};
  let writer: Writer | undefined;
  let statusAtMs: number | undefined;
  for (const { manager = '', time = '', fieldsV1 } of managedFields) {
    const atMs = Date.parse(time);
    const template = fieldsAt(fieldsV1, templatePath);
    if (manager.startsWith('kube-trigger')) {
      note(writtenAtMs, fieldsV1, atMs);
      if (templatePath.length > 0) note(writtenAtMs, template, atMs);
    } else if (template !== undefined && (writer === undefined || atMs > writer.atMs)) {
      writer = { manager, atMs };
    }
    if (fieldsV1?.['f:status'] !== undefined) statusAtMs = Math.max(statusAtMs ?? atMs, atMs);
  }
  return { writer, writtenAtMs, statusAtMs };
}

function fieldsAt(fields: Fields | undefined, path: readonly string[]): Fields | undefined {
  let found = fields;
  for (const name of path) found = found?.[`f:${name}`];
  return found;
}

/** Our annotations among the fields of an object or a template. */
function note(writtenAtMs: Record<string, number>, fields: Fields | undefined, atMs: number): void {
  for (const field of Object.keys(fields?.['f:metadata']?.['f:annotations'] ?? {})) {
    if (!field.startsWith(OUR_FIELD)) continue;
    const annotation = field.slice('f:'.length);
    writtenAtMs[annotation] = Math.max(writtenAtMs[annotation] ?? 0, atMs);
  }
}
