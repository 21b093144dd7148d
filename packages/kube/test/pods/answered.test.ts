import { describe, expect, it } from 'vitest';
import { Answered } from '../../src/pods/answered.js';

describe('Answered', () => {
  it('remembers endings by delivery and target until the delivery ends', () => {
    const answered = new Answered();
    answered.set('d1', 'a', { accepted: '200' });
    answered.set('d2', 'a', { accepted: '204' });
    expect([answered.get('d1', 'a'), answered.get('d1', 'b'), answered.get('d2', 'a')]).toEqual([
      { accepted: '200' },
      undefined,
      { accepted: '204' },
    ]);
    answered.forget('d1');
    expect([answered.get('d1', 'a'), answered.size]).toEqual([undefined, 1]);
  });

  it('forgets the deliveries that were quiet longest, and never the present one', () => {
    const answered = new Answered(4);
    for (const [delivery, target] of [
      ['d1', 'a'],
      ['d1', 'b'],
      ['d2', 'a'],
      ['d1', 'b'],
      ['d3', 'a'],
      ['d3', 'b'],
    ] as const) {
      answered.set(delivery, target, { accepted: '200' });
    }
    expect([answered.get('d2', 'a'), answered.get('d1', 'a'), answered.size]).toEqual([
      undefined,
      { accepted: '200' },
      4,
    ]);
    for (let index = 0; index < 10; index += 1) answered.set('d3', `t${index}`, { accepted: '200' });
    expect([answered.get('d1', 'a'), answered.get('d3', 't0'), answered.size]).toEqual([
      undefined,
      { accepted: '200' },
      12,
    ]);
  });

  it('stays bounded whatever comes', () => {
    const answered = new Answered(100);
    for (let index = 0; index < 10_000; index += 1) answered.set(`d${index}`, 'a', { accepted: '200' });
    expect(answered.size).toBe(100);
  });
});
