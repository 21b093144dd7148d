import { badRequest, unsupportedMediaType } from '../../api-error.js';
import { type JsonObject, setKey } from '../../json.js';
import { type Message, type MessageField, MESSAGES } from './messages.js';

/** What Kubernetes' protobuf bodies begin with: `k8s` and a zero. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

type Value = { readonly wire: 0; readonly number: bigint } | { readonly wire: 2; readonly bytes: Buffer };

/**
 * Decodes an `application/vnd.kubernetes.protobuf` body to the JSON it stands for.
 *
 * @throws ApiError 415 for kinds and fields that are not in the table of messages, 400 for bytes that are no message.
 */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(MAGIC))
    throw badRequest('the object provided is unrecognized: it does not begin with the protobuf prefix');
  let apiVersion = '';
  let kind = '';
  let raw = Buffer.alloc(0);
  for (const { field, value } of fields(body.subarray(4))) {
    if (value.wire !== 2) continue;
    if (field === 2) raw = Buffer.from(value.bytes);
    if (field !== 1) continue;
    for (const type of fields(value.bytes)) {
      if (type.value.wire !== 2) continue;
      if (type.field === 1) apiVersion = type.value.bytes.toString('utf8');
      if (type.field === 2) kind = type.value.bytes.toString('utf8');
    }
  }
  return { apiVersion, kind, ...readMessage(raw, kind) };
}

function messageOf(name: string): Message {
  const message = MESSAGES.get(name);
  if (message === undefined) throw unsupported(name);
  return message;
}

function unsupported(what: string): Error {
  return unsupportedMediaType([`application/json, application/yaml (devcluster reads no protobuf of ${what})`]);
}

function readMessage(bytes: Buffer, name: string): JsonObject {
  const message = messageOf(name);
  const out: JsonObject = {};
  for (const { field, value } of fields(bytes)) {
    const known = message.get(field);
    if (known === undefined) throw unsupported(`field ${field} of ${name}`);
    if (known.type !== '-') setField(out, known, value);
  }
  return out;
}

function setField(out: JsonObject, field: MessageField, value: Value): void {
  const { name, pointer, repeated, type } = field;
  if (type === 'm' || type === 'my' || type === 'mq') {
    const map = (out[name] ??= {}) as JsonObject;
    readEntry(map, type, bytesOf(value));
  } else if (repeated) {
    const list = (out[name] ??= []) as unknown[];
    list.push(readValue(type, value));
  } else {
    const read = readValue(type, value);
    if (pointer || (read !== '' && read !== 0 && read !== false)) out[name] = read;
  }
}

function readEntry(map: JsonObject, type: string, bytes: Buffer): void {
  let key = '';
  let read: unknown = '';
  for (const { field, value } of fields(bytes)) {
    if (field === 1) key = bytesOf(value).toString('utf8');
    if (field === 2) read = readValue(type === 'my' ? 'y' : type === 'mq' ? 'q' : 's', value);
  }
  setKey(map, key, read);
}

function readValue(type: string, value: Value): unknown {
  switch (type) {
    case 's':
      return bytesOf(value).toString('utf8');
    case 'y':
      return bytesOf(value).toString('base64');
    case 'i':
      return Number(BigInt.asIntN(64, numberOf(value)));
    case 'b':
      return numberOf(value) !== 0n;
    case 'q':
      return quantity(bytesOf(value));
    case 'x':
      return intOrString(bytesOf(value));
    default:
      return readMessage(bytesOf(value), type);
  }
}

function quantity(bytes: Buffer): string {
  for (const { field, value } of fields(bytes)) if (field === 1) return bytesOf(value).toString('utf8');
  return '0';
}

function intOrString(bytes: Buffer): number | string {
  let isText = false;
  let number = 0;
  let text = '';
  for (const { field, value } of fields(bytes)) {
    if (field === 1) isText = numberOf(value) === 1n;
    if (field === 2) number = Number(BigInt.asIntN(64, numberOf(value)));
    if (field === 3) text = bytesOf(value).toString('utf8');
  }
  return isText ? text : number;
}

function bytesOf(value: Value): Buffer {
  if (value.wire !== 2) throw badRequest('the protobuf body does not fit its kind');
  return value.bytes;
}

function numberOf(value: Value): bigint {
  if (value.wire !== 0) throw badRequest('the protobuf body does not fit its kind');
  return value.number;
}

function* fields(bytes: Buffer): Generator<{ field: number; value: Value }> {
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined || shift > 63n) throw badRequest('the protobuf body ends in the middle');
      at += 1;
      result |= BigInt(byte & 127) << shift;
      if (byte < 128) return result;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) yield { field: tag >> 3, value: { wire: 0, number: varint() } };
    else if (wire === 2) {
      const length = Number(varint());
      if (at + length > bytes.length) throw badRequest('the protobuf body ends in the middle');
      at += length;
      yield { field: tag >> 3, value: { wire: 2, bytes: bytes.subarray(at - length, at) } };
    } else throw badRequest(`the protobuf body has a field of the unexpected wire type ${wire}`);
  }
}
