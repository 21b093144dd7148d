import { describe, expect, it } from 'vitest';
import { TemplateEngine } from '../../src/template/template.js';

const engine = new TemplateEngine({
  event: {
    key: 'string',
    changedKeys: 'list<string>',
    data: 'map<string, dyn>',
    time: 'google.protobuf.Timestamp',
  },
  attempt: 'int',
});

const values = {
  event: {
    key: 'ConfigMap/shop/app-config',
    changedKeys: ['a.conf', 'b"c\n.conf'],
    data: { n: 3, zone: 'Europe/Berlin', quoted: 'x"y\\z', nested: { deep: [true, null] } },
    time: new Date(Date.UTC(2026, 0, 1)),
  },
  attempt: 2n,
};

function render(text: string, format: 'json' | 'text' = 'text', maxLength?: number): string {
  const { template, issue } = engine.compile(text, { format, ...(maxLength === undefined ? {} : { maxLength }) });
  if (template === undefined) throw new Error(issue);
  return template.render(values);
}

describe('text', () => {
  it.each([
    ['plain text', 'plain text'],
    ['', ''],
    ['${event.key} changed', 'ConfigMap/shop/app-config changed'],
    ['${event.key.split("/")[2]}:${attempt}', 'app-config:2'],
    ['$${event.key} costs $5, 10$', '${event.key} costs $5, 10$'],
    ['$$${attempt}', '$${attempt}'],
    ['${"}"}${\'{\'}', '}{'],
    ['${{"a": {"b": 1}}["a"]["b"]}', '1'],
    ['${"quote \\" and }"}', 'quote " and }'],
    ['${r"\\d}"}!', '\\d}!'],
    ['${"""a " } b"""}', 'a " } b'],
    ['${event.changedKeys.size() > 1 ? "many" : "one"}', 'many'],
    ['${event.changedKeys.map(k, k.size())}', '[6,9]'],
    ['${event.time}', '2026-01-01T00:00:00.000Z'],
    ['${event.time.getFullYear()}', '2026'],
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
    ['{"a": "\\"${attempt}\\"", "b": ${attempt}}', { a: '"2"', b: 2 }],
    ['${event.data.nested}', { deep: [true, null] }],
    ['["${event.data.nested}", ${event.time}]', ['{"deep":[true,null]}', '2026-01-01T00:00:00.000Z']],
  ])('stays valid whatever the values hold: %s', (template, parsed) => {
    expect(JSON.parse(render(template, 'json'))).toEqual(parsed);
  });

  it.each(['{', '', 'text', '{"a": 1${attempt}}', '${attempt}${attempt}', '{${event.key}: 1}', '"${event.key}'])(
    'refuses a text that is none: %s',
    (template) => {
      expect(engine.compile(template, { format: 'json' }).issue).toMatch(/is not JSON/);
    },
  );
});

describe('what is found before there is an event', () => {
  it.each([
    ['${event.chnge}', 'line 1, column 3: "event.chnge": No such key: chnge'],
    ['one\n two ${nope}', 'line 2, column 8: "nope": Unknown variable: nope'],
    ['${event.key +}', 'line 1, column 3: "event.key +": Unexpected token: EOF'],
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
    ['${event.changedKeys.map(a, event.changedKeys.map(b, a + b))}', "map() cannot stand inside another list's walk"],
    ['${event.changedKeys.all(a, event.changedKeys.join() == a)}', "join() cannot stand inside another list's walk"],
    [`\${${'1+'.repeat(300)}1}`, 'line 1, column 3'],
    [`\${${'('.repeat(60)}1${')'.repeat(60)}}`, 'line 1, column 3'],
    ['${1}'.repeat(101), 'has 101 expressions; at most 100 are allowed'],
    ['${process.exit(1)}', 'Unknown variable: process'],
    ['${constructor}', 'Unknown variable: constructor'],
    ['${event.key.constructor}', "Cannot index type 'string'"],
    ['${event.toString()}', 'found no matching overload'],
  ])('refuses %s', (template, issue) => {
    expect(engine.compile(template, { format: 'text' }).issue).toContain(issue);
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
    expect(render('1234567890', 'text', 10)).toHaveLength(10);
    expect(() => render('${event.key}', 'text', 10)).toThrow('longer than 10 characters');
    expect(() => render('${event.changedKeys}', 'json', 10)).toThrow('too long');
  });
});
