import type { FieldError } from '../api-error.js';
import { deepEqual } from '../json.js';
import type { Schema } from './schema.js';

function bad(path: string, value: unknown, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field: path, value, detail: `${path} in body ${detail}` };
}

export function validateNumber(value: number, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { minimum, maximum, multipleOf } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    errors.push(
      bad(path, value, `should be greater than ${schema.exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`),
    );
  }
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    errors.push(
      bad(path, value, `should be less than ${schema.exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`),
    );
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    errors.push(bad(path, value, `should be a multiple of ${multipleOf}`));
  }
  return errors;
}

export function validateString(value: string, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  // Lengths count Unicode code points, as Go's utf8.RuneCount.
  const length = Array.from(value).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    errors.push(bad(path, value, `should be at most ${schema.maxLength} chars long`));
  }
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.push(bad(path, value, `should be at least ${schema.minLength} chars long`));
  }
  if (schema.pattern !== undefined && !compile(schema.pattern).test(value)) {
    errors.push(bad(path, value, `should match '${schema.pattern}'`));
  }
  const format = schema.format === undefined ? undefined : FORMATS[schema.format];
  if (format !== undefined && !format(value)) {
    errors.push(bad(path, value, `must be of type ${schema.format}: ${JSON.stringify(value)}`));
  }
  return errors;
}

const compiled = new Map<string, RegExp>();

function compile(pattern: string): RegExp {
  let found = compiled.get(pattern);
  if (found === undefined) {
    found = new RegExp(pattern, 'u');
    compiled.set(pattern, found);
  }
  return found;
}

/** The formats that are checked here; the API server accepts any value of a format that it does not know. */
const FORMATS: { readonly [format: string]: (value: string) => boolean } = {
  'date-time': (value) =>
    /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/.test(value) &&
    !Number.isNaN(Date.parse(value)),
  date: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)),
  byte: (value) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value),
  uuid: (value) => /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(value),
  uri: (value) => URL.canParse(value),
  email: (value) => /^[^\s@]+@[^\s@]+$/.test(value),
  ipv4: (value) => /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(value),
};

export function validateSizes(
  value: readonly unknown[] | readonly string[],
  schema: Schema,
  path: string,
): FieldError[] {
  const isList = schema.type === 'array';
  const word = isList ? 'items' : 'properties';
  const [least, most] = isList ? [schema.minItems, schema.maxItems] : [schema.minProperties, schema.maxProperties];
  // For an object the API server prints the limit where it prints the size of a list.
  const shown = (limit: number): number => (isList ? value.length : limit);
  const errors: FieldError[] = [];
  if (least !== undefined && value.length < least)
    errors.push(bad(path, shown(least), `should have at least ${least} ${word}`));
  if (most !== undefined && value.length > most)
    errors.push(bad(path, shown(most), `should have at most ${most} ${word}`));
  if (
    isList &&
    schema.uniqueItems === true &&
    value.some((item, i) => value.slice(0, i).some((other) => deepEqual(other, item)))
  ) {
    errors.push(bad(path, value.length, "shouldn't contain duplicates"));
  }
  return errors;
}
