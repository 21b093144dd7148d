/** The annotations of kube-trigger itself: a rule that rolls what it watches must not see its own mark as a change. */
export const OWN_PREFIX = 'trigger.app.example.com/';

/** Written by machines about what is in the object already. */
const BOOKKEEPING = new Set(['kubectl.kubernetes.io/last-applied-configuration', 'deployment.kubernetes.io/revision']);

/** Where a value stands: the names of the two fields above it. */
type Place = readonly [above: string | undefined, name: string | undefined];

/**
 * JSON with sorted keys: equal values give equal text, whatever the order of their fields. Annotations that only keep books are left
 * out of every `metadata.annotations`, those of pod templates included; an empty rest is as none.
 */
export function canonicalJson(value: unknown, names: readonly string[]): string | undefined {
  const place: Place = [names.at(-2), names.at(-1)];
  return isAnnotations(place) && isEmpty(value) ? undefined : textOf(value, place);
}

function textOf(value: unknown, place: Place): string {
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, [undefined, undefined])).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([key, inner]) => counts(key, inner, place))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${textOf(inner, [place[1], key])}`);
  return `{${fields.join(',')}}`;
}

function counts(key: string, value: unknown, place: Place): boolean {
  if (value === undefined) return false;
  if (isAnnotations(place)) return !isBookkeeping(key);
  return !isAnnotations([place[1], key]) || !isEmpty(value);
}

function isAnnotations([above, name]: Place): boolean {
  return above === 'metadata' && name === 'annotations';
}

function isBookkeeping(annotation: string): boolean {
  return BOOKKEEPING.has(annotation) || annotation.startsWith(OWN_PREFIX);
}

function isEmpty(annotations: unknown): boolean {
  return typeof annotations === 'object' && Object.keys(annotations ?? {}).every(isBookkeeping);
}
