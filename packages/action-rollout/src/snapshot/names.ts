import { createHash } from 'node:crypto';
import { OUR_PREFIX } from '../annotations.js';

/** What is copied: its contents, in the namespace of the pods that read them. */
export type OriginKind = 'ConfigMap' | 'Secret';

/** Kubernetes' limit for what follows an annotation's prefix, and for a label's value. */
const MAX_LABEL = 63;
const HASH_LENGTH = 10;
/** Of the digest at the end of a snapshot's name: 51 bits, and contents are compared besides. */
const SUFFIX_LENGTH = 10;
const MAX_NAME = 253;
/** The longest name of an object that can be copied: its snapshots' names are longer. */
export const MAX_ORIGIN_NAME = MAX_NAME - SUFFIX_LENGTH - 1;

const POINTER = new RegExp(`^${OUR_PREFIX}(ConfigMap|Secret)\\.`);

/**
 * The annotation of a pod template that names the snapshot which stands for an object, e.g. `trigger.app.example.com/ConfigMap.app-config`.
 * Where that is too long its beginning, `_` and a hash. No rule's annotation: those begin with a namespace, which has no capitals.
 */
export function pointerAnnotation(kind: OriginKind, origin: string): string {
  return `${OUR_PREFIX}${shortened(`${kind}.${origin}`)}`;
}

export function isPointer(annotation: string): boolean {
  return POINTER.test(annotation);
}

/** `app-config-` and ten characters of a digest in base 36. */
export function snapshotName(origin: string, digest: string): string {
  return `${origin}-${suffixOf(digest)}`;
}

/** Whose snapshot has this name, if it is one's. */
export function originOf(snapshot: string): string | undefined {
  return /^(.+)-[0-9a-z]{10}$/.exec(snapshot)?.[1];
}

/** `ConfigMap/app-config` → what stands for it, as the annotations of a pod template say. What they do not say well is not said. */
export function pointersIn(annotations: Readonly<Record<string, string>>): Map<string, string> {
  const pointers = new Map<string, string>();
  for (const [annotation, snapshot] of Object.entries(annotations)) {
    const kind = POINTER.exec(annotation)?.[1] as OriginKind | undefined;
    if (kind === undefined) continue;
    const origin = originOf(snapshot);
    if (origin === undefined || pointerAnnotation(kind, origin) !== annotation) continue;
    pointers.set(`${kind}/${origin}`, snapshot);
  }
  return pointers;
}

/** A name as a label's value: as it is, or its beginning, `_` and a hash. */
export function labelValueOf(origin: string): string {
  return shortened(origin);
}

function suffixOf(digest: string): string {
  const bits = createHash('sha256').update(digest).digest().readBigUInt64BE();
  return bits.toString(36).padStart(SUFFIX_LENGTH, '0').slice(-SUFFIX_LENGTH);
}

function shortened(text: string): string {
  if (text.length <= MAX_LABEL) return text;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
  return `${text.slice(0, MAX_LABEL - HASH_LENGTH - 1)}_${hash}`;
}
