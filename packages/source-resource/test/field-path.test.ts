import { describe, expect, it } from 'vitest';
import { parseFieldPath, valueAt } from '../src/field-path.js';

describe('a field path', () => {
  it.each<[string, string[], string]>([
    ['spec', ['spec'], 'spec'],
    ['spec.template', ['spec', 'template'], 'spec.template'],
    ['spec["template"]', ['spec', 'template'], 'spec.template'],
    ['data["app.conf"]', ['data', 'app.conf'], 'data["app.conf"]'],
    [
      'metadata.labels["app.kubernetes.io/name"]',
      ['metadata', 'labels', 'app.kubernetes.io/name'],
      'metadata.labels["app.kubernetes.io/name"]',
    ],
    ['["a b"].c["*[0]"]', ['a b', 'c', '*[0]'], '["a b"].c["*[0]"]'],
    ['x-y._z9', ['x-y', '_z9'], 'x-y._z9'],
    ['spec.__proto__', ['spec', '__proto__'], 'spec.__proto__'],
  ])('%s', (text, names, canonical) => {
    expect(parseFieldPath(text)).toEqual({ text: canonical, names });
  });

  it.each([
    ['', 'is empty; name a field, e.g. spec.template'],
    ['spec.*', '"spec.*" has a wildcard or a position; name the field above it as a whole'],
    ['spec.containers[0]', '"spec.containers[0]" has a wildcard or a position'],
    ['data[app.conf]', '"data[app.conf]" has a wildcard or a position'],
    ["data['app.conf']", 'has a wildcard or a position'],
    ['.spec', '".spec" cannot be read from ".spec" on; write names joined by dots'],
    ['$.spec', '"$.spec" cannot be read from "$.spec" on'],
    ['spec..a', '"spec..a" cannot be read from "..a" on'],
    ['spec.', '"spec." cannot be read from "." on'],
    ['spec.a b', '"spec.a b" cannot be read from " b" on'],
    ['spec["a"]b', '"spec["a"]b" cannot be read from "b" on'],
    ['spec.9a', '"spec.9a" cannot be read from ".9a" on'],
    ['spec[""]', 'cannot be read from "[""]" on'],
    ['spec["a\nb"]', 'cannot be read from'],
    ['spec["a\\"]', 'cannot be read from'],
  ])('is not %j', (text, message) => {
    expect(parseFieldPath(text)).toEqual(expect.stringContaining(message));
  });

  it.each<[string[], unknown]>([
    [['a', 'b'], 1],
    [['a', 'none'], null],
    [['list'], [{ x: 1 }]],
    [['list', '0'], undefined],
    [['a', 'b', 'c'], undefined],
    [['a', 'none', 'c'], undefined],
    [['toString'], undefined],
    [['text', 'length'], undefined],
  ])('finds at %j', (names, value) => {
    expect(valueAt({ a: { b: 1, none: null }, list: [{ x: 1 }], text: 'abc' }, names)).toEqual(value);
  });
});
