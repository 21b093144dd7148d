import { fakeEvent } from '@kube-trigger/testing/contracts';
import { CloudEvent, HTTP } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import { cloudEvent } from '../../src/message/cloud-event.js';

const rule = { namespace: 'shop', name: 'example', uid: 'u' };

/** What the official SDK makes of the message; it throws for an invalid event. */
function received(content: ReturnType<typeof cloudEvent>): CloudEvent<Record<string, unknown>> {
  const event = HTTP.toEvent<Record<string, unknown>>({ headers: { ...content.headers }, body: content.body });
  if (!(event instanceof CloudEvent)) throw new Error('not one event');
  event.validate();
  return event;
}

const ATTRIBUTES = {
  specversion: '1.0',
  id: 'event-1',
  source: '/apis/app.example.com/v1alpha1/namespaces/shop/triggerrules/example',
  type: 'com.example.app.trigger.updated',
  subject: 'ConfigMap/shop/app-config',
  time: '2026-01-01T00:00:00.000Z',
  datacontenttype: 'application/json',
};
const DATA = {
  key: 'ConfigMap/shop/app-config',
  change: 'updated',
  changedKeys: ['app.conf'],
  revision: 'revision-1',
  source: 'configMap[0]',
  rule: { namespace: 'shop', name: 'example' },
};

describe.each(['structured', 'binary'] as const)('a %s CloudEvent', (mode) => {
  it('is one to the official SDK, with the event in it', () => {
    const event = received(cloudEvent(fakeEvent(), rule, { mode, withoutData: false }));
    expect({ ...ATTRIBUTES, data: DATA }).toEqual(Object.fromEntries(Object.entries(event.toJSON())));
  });

  it('takes type and source from the rule', () => {
    const options = { mode, withoutData: false, type: 'org.acme.changed', source: '//acme/config' };
    expect(received(cloudEvent(fakeEvent(), rule, options))).toMatchObject({
      type: 'org.acme.changed',
      source: '//acme/config',
    });
  });

  it.each(['created', 'updated', 'deleted', 'occurred'] as const)('names the change: %s', (change) => {
    const event = fakeEvent({ change, revision: change === 'deleted' ? '' : 'r' });
    expect(received(cloudEvent(event, rule, { mode, withoutData: false })).type).toBe(
      `com.example.app.trigger.${change}`,
    );
  });

  it('has no contents, whatever the source added', () => {
    const content = cloudEvent(fakeEvent({ data: { password: 'hunter2' } }), rule, { mode, withoutData: false });
    expect(JSON.stringify(content)).not.toContain('hunter2');
  });
});

describe('in headers', () => {
  it('encodes what a header cannot hold, so that the receiver gets it back', () => {
    const key = 'timer/übung "1" 100% \r\nx: y 🎉';
    const { headers } = cloudEvent(fakeEvent({ key }), rule, { mode: 'binary', withoutData: false });
    expect(headers['ce-subject']).toMatch(/^[\x21\x23-\x7e]+$/);
    expect(decodeURIComponent(headers['ce-subject'] ?? '')).toBe(key);
  });

  it('needs no body', () => {
    const { headers, body } = cloudEvent(fakeEvent(), rule, { mode: 'binary', withoutData: true });
    expect([body, headers['content-type'], headers['ce-id']]).toEqual([undefined, undefined, 'event-1']);
  });
});
