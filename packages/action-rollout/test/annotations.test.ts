import type { TriggerEvent } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { causeOf, revisionAnnotation } from '../src/annotations.js';

const SYNTAX = /^trigger\.app\.example\.com\/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

const rule = { namespace: 'shop', name: 'example', uid: 'u' };

const event: TriggerEvent = {
  id: 'id',
  source: 'configMap[0]',
  key: 'ConfigMap/shop/app-config',
  revision: 'r',
  change: 'updated',
  changedKeys: ['app.conf', 'b.conf', 'c', 'd', 'e'],
  observedAtMs: Date.UTC(2026, 10, 22, 16, 0, 0, 123),
  waitingSinceMs: 0,
};

describe('the annotation that keeps the revision', () => {
  it('names the rule', () => {
    expect(revisionAnnotation(rule)).toBe('trigger.app.example.com/shop.example');
  });

  it('is the plain name up to 63 characters', () => {
    const name = 'n'.repeat(63 - 'shop.'.length);
    expect(revisionAnnotation({ ...rule, name })).toBe(`trigger.app.example.com/shop.${name}`);
  });

  it('is cut and hashed beyond, and stays an annotation name', () => {
    const annotation = revisionAnnotation({ ...rule, name: 'n'.repeat(64 - 'shop.'.length) });
    expect(annotation).toMatch(/^trigger\.app\.example\.com\/shop\.n+_[0-9a-f]{10}$/);
    expect(annotation).toMatch(SYNTAX);
    expect(annotation).toHaveLength('trigger.app.example.com/'.length + 63);
  });

  it('differs for rules that are cut to the same beginning', () => {
    const [one, two] = ['a', 'b'].map((end) => revisionAnnotation({ ...rule, name: 'n'.repeat(100) + end }));
    expect(one).not.toBe(two);
  });

  it('stays an annotation name when the cut falls on a dot or the namespace fills it', () => {
    for (const name of [`${'n'.repeat(46)}.${'m'.repeat(30)}`, 'n'.repeat(253)]) {
      expect(revisionAnnotation({ ...rule, name })).toMatch(SYNTAX);
      expect(revisionAnnotation({ ...rule, namespace: 'x'.repeat(63), name })).toMatch(SYNTAX);
    }
  });
});

describe('the cause', () => {
  it('says what changed, by which rule and when', () => {
    expect(causeOf(event, rule)).toBe(
      'ConfigMap shop/app-config updated (app.conf, b.conf +3 more) by TriggerRule shop/example at 2026-11-22T16:00:00Z',
    );
  });

  it('leaves out keys where there are none', () => {
    const { changedKeys: _, ...rest } = event;
    expect(causeOf({ ...rest, change: 'deleted' }, rule)).toBe(
      'ConfigMap shop/app-config deleted by TriggerRule shop/example at 2026-11-22T16:00:00Z',
    );
  });

  it('says the scheduled instant of an occurrence', () => {
    const tick = { ...event, key: 'nightly', change: 'occurred', revision: '2026-11-22T03:30:00Z' } as const;
    expect(causeOf({ ...tick, changedKeys: [] }, rule)).toBe(
      'nightly occurred by TriggerRule shop/example at 2026-11-22T03:30:00Z',
    );
  });

  it('says when an occurrence without an instant was seen', () => {
    const message = { ...event, key: 'queue', change: 'occurred', revision: 'message-17', changedKeys: [] } as const;
    expect(causeOf(message, rule)).toBe('queue occurred by TriggerRule shop/example at 2026-11-22T16:00:00Z');
  });

  it('is at most 512 characters, with rule and time still there', () => {
    const long = causeOf(
      {
        ...event,
        key: `ConfigMap/${'n'.repeat(63)}/${'c'.repeat(253)}`,
        changedKeys: Array(500).fill('k'.repeat(253)),
      },
      { ...rule, namespace: 's'.repeat(63), name: 'e'.repeat(253) },
    );
    expect(long.length).toBeLessThanOrEqual(512);
    expect(long).toContain('+498 more) by TriggerRule ');
    expect(long).toMatch(/ at 2026-11-22T16:00:00Z$/);
  });

  it('holds no control characters, whatever a source calls its keys', () => {
    const cause = causeOf({ ...event, key: 'a\u001b[31m\nb\u202e\u2028', changedKeys: ['\u0000'] }, rule);
    expect(cause).toMatch(/^a\?\[31m\?b\?\? updated \(\?\) by /);
  });
});
