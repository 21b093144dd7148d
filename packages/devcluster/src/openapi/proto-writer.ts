/** Writes the protocol buffer wire format: https://protobuf.dev/programming-guides/encoding/. */
export class ProtoWriter {
  private readonly parts: Buffer[] = [];

  string(field: number, value: unknown): this {
    return typeof value === 'string' && value !== '' ? this.bytes(field, Buffer.from(value)) : this;
  }

  strings(field: number, values: unknown): this {
    if (Array.isArray(values)) for (const value of values) this.bytes(field, Buffer.from(String(value)));
    return this;
  }

  integer(field: number, value: unknown): this {
    if (typeof value === 'number' && value !== 0) this.parts.push(varint(field << 3), varint(value));
    return this;
  }

  double(field: number, value: unknown): this {
    if (typeof value !== 'number' || value === 0) return this;
    const buffer = Buffer.alloc(8);
    buffer.writeDoubleLE(value);
    this.parts.push(varint((field << 3) | 1), buffer);
    return this;
  }

  boolean(field: number, value: unknown): this {
    return this.integer(field, value === true ? 1 : 0);
  }

  message(field: number, write: (writer: ProtoWriter) => void): this {
    const inner = new ProtoWriter();
    write(inner);
    return this.bytes(field, inner.finish());
  }

  /** Appends fields that are encoded already. */
  raw(fields: Buffer): this {
    this.parts.push(fields);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.parts);
  }

  private bytes(field: number, value: Buffer): this {
    this.parts.push(varint((field << 3) | 2), varint(value.length), value);
    return this;
  }
}

/** Negative numbers do not occur in the sizes and limits written here; they are written as 64-bit two's complement all the same. */
function varint(value: number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 128);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}
