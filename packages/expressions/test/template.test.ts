import { fakeEvent } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../src/index.js';

const RULE = { namespace: 'shop', name: 'example' };
const EVENT = fakeEvent({
  changedKeys: ['a.conf', 'b"c\n.conf'],
  data: { n: 2, zone: 'Europe/Berlin', quoted: 'x"y\\z', nested: { deep: [true, null] } },
});

function render(text: string, format: 'json' | 'text' = 'text', event = EVENT): string {
  const { template, issue } = compileTemplate(text, { format });
  if (template === undefined) throw new Error(issue);
  return template.render(event, RULE);
}

function renderWithin(maxLength: number, text: string, format: 'json' | 'text'): string {
  return compileTemplate(text, { format, maxLength }).template?.render(EVENT, RULE) ?? 'not compiled';
}

describe('text', () => {
  it.each([
    ['plain text', 'plain text'],
    ['', ''],
    ['${event.key} changed', 'ConfigMap/shop/app-config changed'],
    ['${event.key.split("/")[2]}:${event.data.n}', 'app-config:2'],
    ['$${event.key} costs $5, 10$', '${event.key} costs $5, 10$'],
    ['$$${event.data.n}', '$${event.data.n}'],
    ['${"}"}${\'{\'}', '}{'],
    ['${{"a": {"b": 1}}["a"]["b"]}', '1'],
    ['${"quote \\" and }"}', 'quote " and }'],
    ['${r"\\d}"}!', '\\d}!'],
    ['${"""a " } b"""}', 'a " } b'],
    ['${event.changedKeys.size() > 1 ? "many" : "one"}', 'many'],
    ['${event.changedKeys.map(k, k.size())}', '[6,9]'],
    ['${event.observedAt}', '2026-01-01T00:00:00.000Z'],
    ['${event.observedAt.getFullYear()}', '2026'],
    ['${event.data.nested}', '{"deep":[true,null]}'],
    ['${has(event.data.gone) ? event.data.gone : "-"}', '-'],
    ['${1.5} ${string(7u)} ${true} ${null} ${9223372036854775807}', '1.5 7 true null 9223372036854775807'],
  ])('renders %s', (template, text) => {
    expect(render(template)).toBe(text);
  });
});

describe('JSON', () => {
  it.each([
    ['{"text": "${event.key} changed"}', { text: 'ConfigMap/shop/app-config changed' }],
    ['{"keys": ${event.changedKeys}}', { keys: ['a.conf', 'b"c\n.conf'] }],
    ['{"keys": "${event.changedKeys.join(\', \')}"}', { keys: 'a.conf, b"c\n.conf' }],
    ['{"${event.data.quoted}": ${event.data.quoted}}', { 'x"y\\z': 'x"y\\z' }],
    ['{"a": "\\"${event.data.n}\\"", "b": ${event.data.n}}', { a: '"2"', b: 2 }],
    ['${event.data.nested}', { deep: [true, null] }],
    ['["${event.data.nested}", ${event.observedAt}]', ['{"deep":[true,null]}', '2026-01-01T00:00:00.000Z']],
  ])('stays valid whatever the values hold: %s', (template, parsed) => {
    expect(JSON.parse(render(template, 'json'))).toEqual(parsed);
  });

  it.each([
    '{',
    '',
    'text',
    '{"a": 1${event.data.n}}',
    '${event.data.n}${event.data.n}',
    '{${event.key}: 1}',
    '"${event.key}',
  ])('refuses a text that is none: %s', (template) => {
    expect(compileTemplate(template, { format: 'json' }).issue).toMatch(/is not JSON/);
  });
});

describe('what is found before there is an event', () => {
  it.each([
    ['${event.chnge}', 'line 1, column 9: "event.chnge": No such key: chnge; did you mean "change"?'],
    ['one\n two ${nope}', 'line 2, column 8: "nope": Unknown variable: nope; there are event, object, rule'],
    ['${event.key +}', 'line 1, column 14: "event.key +": Unexpected token: EOF'],
    ['${1 + "a"}', 'no such overload'],
    ['${event.key', 'line 1, column 1: "${" is not closed; add "}", or write "$${" for a plain "${"'],
    ['${"abc}', 'the string that begins with " is not closed'],
    ['${}', '"${}" is empty'],
    ['${event}', 'is an object; name one of its fields'],
    ['${duration("1h")}', 'is a duration'],
    ['${7u}', 'is unsigned; print it with string()'],
    ['${b"x"}', 'is of type bytes'],
    ['${event.key.matches("(a+)+$")}', 'matches() is not available'],
    ['${[event.key.matches("a")]}', 'matches() is not available'],
    ['${{"a": event.key.matches("a")}}', 'matches() is not available'],
    ['${cel.bind(x, event.key, x + x)}', 'cel.bind() is not available'],
    [
      '${event.changedKeys.map(a, event.changedKeys.map(b, a + b))}',
      'map() cannot stand inside the walk over another list',
    ],
    [
      '${event.changedKeys.all(a, event.changedKeys.join() == a)}',
      'join() cannot stand inside the walk over another list',
    ],
    [`\${${'1+'.repeat(300)}1}`, 'Exceeded maxAstNodes'],
    [`\${${'('.repeat(60)}1${')'.repeat(60)}}`, 'Exceeded maxDepth'],
    ['${1}'.repeat(101), 'has 101 expressions; at most 100 are allowed'],
    ['${process.exit(1)}', 'Unknown variable: process'],
    ['${constructor}', 'Unknown variable: constructor'],
    ['${event.key.constructor}', "Cannot index type 'string'"],
    ['${event.toString()}', 'found no matching overload'],
  ])('refuses %s', (template, issue) => {
    expect(compileTemplate(template).issue).toContain(issue);
  });
});

describe('what is found with the event', () => {
  it.each([
    ['${event.data.gone}', '"event.data.gone": No such key: gone'],
    ['${event.data.constructor}', '"event.data.constructor": No such key: constructor'],
    ['${event.data["__proto__"]}', 'No such key: __proto__'],
    ['${event.changedKeys[9]}', 'index out of bounds'],
    ['${0.0 / 0.0}', 'no text'],
  ])('says why %s has no text', (template, reason) => {
    expect(() => render(template)).toThrow(reason);
  });

  it('bounds the text', () => {
    expect(renderWithin(10, '1234567890', 'text')).toHaveLength(10);
    expect(() => renderWithin(10, '${event.key}', 'text')).toThrow('longer than 10 characters');
    expect(() => renderWithin(10, '${event.changedKeys}', 'json')).toThrow('too long');
  });
});

describe('what a template sees of an event', () => {
  it.each([
    ['${event.id} ${event.source} ${event.key}', 'event-1 configMap[0] ConfigMap/shop/app-config'],
    ['${event.change} ${event.changedKeys} ${event.revision}', 'updated ["app.conf"] revision-1'],
    ['${event.observedAt} ${event.observedAt.getFullYear()}', '2026-01-01T00:00:00.000Z 2026'],
    ['${rule.namespace}/${rule.name}', 'shop/example'],
    ['${event.data}', '{}'],
  ])('%s', (template, text) => {
    expect(render(template, 'text', fakeEvent())).toBe(text);
  });

  it('is an empty list where nothing is known of the keys', () => {
    const { changedKeys: _, ...event } = fakeEvent();
    expect(render('${event.changedKeys}', 'text', event)).toBe('[]');
  });

  it('are the first thousand of many changed keys', () => {
    const changedKeys = Array.from({ length: 5000 }, (__, index) => `k${index}`);
    const event = fakeEvent({ changedKeys });
    expect(render('${size(event.changedKeys)} ${event.changedKeys[999]}', 'text', event)).toBe('1000 k999');
  });

  it('is data only: no object with a behaviour of its own', () => {
    class Thing {
      readonly plain = 1;
      readonly nested = new Map([['a', 1]]);
      call = () => 'called';
      get computed(): string {
        return 'computed';
      }
    }
    expect(render('${event.data}', 'text', fakeEvent({ data: new Thing() }))).toBe('{"plain":1,"nested":{}}');
    const below = fakeEvent({ data: { thing: new Thing() } });
    expect(render('${event.data}', 'text', below)).toBe('{"thing":{"plain":1,"nested":{}}}');
    expect(render('${event.data}', 'text', fakeEvent({ data: 'text' }))).toBe('{}');
  });
});
