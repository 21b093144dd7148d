import { describe, expect, it } from 'vitest';
import { decodeProtobuf } from '../src/http/protobuf/decode.js';
import { ProtoWriter } from '../src/openapi/proto-writer.js';

const MAGIC = Buffer.from('k8s\0');

function body(kind: string, write: (writer: ProtoWriter) => void): Buffer {
  const raw = new ProtoWriter();
  write(raw);
  const unknown = new ProtoWriter()
    .message(1, (type) => type.string(1, 'v1').string(2, kind))
    .message(2, (inner) => inner.raw(raw.finish()));
  return Buffer.concat([MAGIC, unknown.finish()]);
}

describe('a protobuf body', () => {
  it('becomes the JSON it stands for', () => {
    const bytes = body('ConfigMap', (map) => {
      map.message(1, (metadata) =>
        metadata.string(1, 'cm').message(11, (label) => label.string(1, 'a').string(2, 'b')),
      );
      map.message(2, (entry) => entry.string(1, 'key').string(2, 'value'));
      map.message(3, (entry) => entry.string(1, 'bin').string(2, 'xyz'));
      map.boolean(4, true);
    });
    expect(decodeProtobuf(bytes)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'cm', labels: { a: 'b' } },
      data: { key: 'value' },
      binaryData: { bin: 'eHl6' },
      immutable: true,
    });
  });

  it('of a kind or with a field that is not known is refused, naming it', () => {
    expect(() => decodeProtobuf(body('Ingress', () => undefined))).toThrow(/no protobuf of Ingress/);
    expect(() => decodeProtobuf(body('ConfigMap', (map) => map.string(9, 'x')))).toThrow(/field 9 of ConfigMap/);
  });

  it('cut short is refused', () => {
    const bytes = body('ConfigMap', (map) => map.message(1, (metadata) => metadata.string(1, 'cm')));
    expect(() => decodeProtobuf(bytes.subarray(0, -2))).toThrow(/ends in the middle/);
  });
});
