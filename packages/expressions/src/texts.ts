/** Static types of CEL that a template can print. */
const PRINTABLE = /^(string|int|double|bool|null|dyn|list|map|google\.protobuf\.Timestamp)\b/;

/** Why a value of this CEL type has no text, with the fix; undefined when it has. */
export function unprintable(type: string): string | undefined {
  if (PRINTABLE.test(type)) return undefined;
  if (type.startsWith('$')) return 'is an object; name one of its fields';
  if (type === 'uint') return 'is unsigned; print it with string()';
  if (type.includes('Duration')) return 'is a duration; print it with getSeconds() or getMilliseconds()';
  return `is of type ${type}, which has no text; make it a string`;
}

/**
 * A value of CEL as JSON. Integers of any size keep their digits, timestamps are RFC 3339. Throws for what JSON has no word for
 * (bytes, durations, NaN), and as soon as the text is longer than `maxLength`.
 */
export function jsonOf(value: unknown, maxLength: number): string {
  let left = maxLength;
  const spend = (text: string): string => {
    left -= text.length;
    if (left < 0) throw new RangeError('the text is too long');
    return text;
  };
  const write = (inner: unknown): string => {
    if (Array.isArray(inner)) return `[${inner.map(write).join(spend(','))}]`;
    if (isPlain(inner)) {
      const entries = inner instanceof Map ? [...(inner as Map<unknown, unknown>)] : Object.entries(inner);
      return `{${entries.map(([key, of]) => `${spend(JSON.stringify(String(key)))}:${write(of)}`).join(spend(','))}}`;
    }
    return spend(scalar(inner));
  };
  return write(value);
}

/** A value as it stands in plain text: strings bare, the rest as JSON. */
export function textOf(value: unknown, maxLength: number): string {
  if (typeof value === 'string') return value;
  return value instanceof Date ? value.toISOString() : jsonOf(value, maxLength);
}

function scalar(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  throw new TypeError('a value has no text in JSON');
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || value instanceof Map;
}
