import { fakeEvent } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { compileBody, isMediaType } from '../../src/message/body-template.js';

const RULE = { namespace: 'shop', name: 'example' };

describe('a body', () => {
  it.each([
    ['application/json', '{"keys": ${event.changedKeys}}', '{"keys": ["app.conf"]}'],
    ['application/vnd.slack+json; charset=utf-8', '"${event.changedKeys}"', '"[\\"app.conf\\"]"'],
    ['text/plain', 'keys: ${event.changedKeys}', 'keys: ["app.conf"]'],
    ['application/json', '', ''],
  ])('of type %s is made of %s', (contentType, template, text) => {
    expect(compileBody({ contentType, template }).template?.render(fakeEvent(), RULE)).toBe(text);
  });

  it('of a JSON type must be JSON', () => {
    expect(compileBody({ contentType: 'application/json', template: 'text' }).issue).toMatch(/is not JSON/);
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
