import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../src/watch/line-splitter.js';

function split(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line.toString('utf8')));
  for (const chunk of chunks) splitter.push(chunk);
  return lines;
}

describe('LineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }).map((line) => line.replaceAll('\n', '¶'))),
        fc.array(fc.nat(200), { maxLength: 20 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted((a, b) => a - b);
          const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
          expect(split(chunks)).toEqual(split([bytes]));
          expect(split(chunks)).toEqual(
            lines.map((line) => Buffer.from(line).toString()).filter((line) => line !== ''),
          );
        },
      ),
    );
  });

  it('keeps half a line to itself', () => {
    expect(split([Buffer.from('whole\nha'), Buffer.from('lf')])).toEqual(['whole']);
  });

  it('refuses a line without end before it fills the memory', () => {
    const splitter = new LineSplitter(() => undefined, 100);
    splitter.push(Buffer.alloc(60, 'x'));
    expect(() => splitter.push(Buffer.alloc(60, 'x'))).toThrow(RangeError);
  });
});
