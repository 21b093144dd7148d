import { fakeEvent } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { compileBody, isMediaType, templateValues } from '../../src/message/body-template.js';

const rule = { namespace: 'shop', name: 'example', uid: 'u' };

function render(template: string, event: object = {}): string {
  const { template: compiled, issue } = compileBody({ template, contentType: 'text/plain' });
  if (compiled === undefined) throw new Error(issue);
  return compiled.render(templateValues(fakeEvent(event), rule));
}

describe('a body', () => {
  it.each([
    ['${event.id} ${event.source} ${event.key}', 'event-1 configMap[0] ConfigMap/shop/app-config'],
    ['${event.change} ${event.changedKeys} ${event.revision}', 'updated ["app.conf"] revision-1'],
    ['${event.time} ${event.time.getFullYear()}', '2026-01-01T00:00:00.000Z 2026'],
    ['${rule.namespace}/${rule.name}', 'shop/example'],
    ['${event.data}', '{}'],
  ])('%s', (template, text) => {
    expect(render(template)).toBe(text);
  });

  it('has an empty list where a source has no parts', () => {
    const { changedKeys: _, ...event } = fakeEvent();
    const { template } = compileBody({ template: '${event.changedKeys}', contentType: 'text/plain' });
    expect(template?.render(templateValues(event, rule))).toBe('[]');
  });

  it('sees the first thousand of many changed keys', () => {
    const changedKeys = Array.from({ length: 5000 }, (_, index) => `k${index}`);
    expect(render('${size(event.changedKeys)} ${event.changedKeys[999]}', { changedKeys })).toBe('1000 k999');
  });

  it('sees data only: no object with a behaviour of its own', () => {
    class Thing {
      readonly plain = 1;
      readonly nested = new Map([['a', 1]]);
      call = () => 'called';
      get computed(): string {
        return 'computed';
      }
    }
    expect(render('${event.data}', { data: new Thing() })).toBe('{"plain":1,"nested":{}}');
    expect(render('${event.data}', { data: { thing: new Thing() } })).toBe('{"thing":{"plain":1,"nested":{}}}');
    expect(render('${event.data}', { data: 'text' })).toBe('{}');
  });
});

describe('isMediaType', () => {
  it.each(['text/plain', 'application/vnd.slack+json', 'text/plain; charset=utf-8', 'a/b; c="d e"'])('%s', (type) => {
    expect(isMediaType(type)).toBe(true);
  });

  it.each(['', 'text', 'text/', '/plain', 'text/plain;', 'text/plain; charset', 'a/b\r\nx: y', 'a/b; c="d'])(
    'not %j',
    (type) => {
      expect(isMediaType(type)).toBe(false);
    },
  );
});
