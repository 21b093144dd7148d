import { describe, expect, it } from 'vitest';
import { compileRule, PluginRegistry, type RuleIssue } from './support/core.js';
import { exampleRegistry } from './support/example-plugins.js';
import { IDENTITY } from './support/harness.js';
import { good, ref, source, wrong } from './support/wrong-rules.js';

const registry = exampleRegistry();
const compile = (spec: unknown) => compileRule(IDENTITY, spec, registry);

function compiled(spec: unknown) {
  const compilation = compile(spec);
  if ('issues' in compilation) throw new Error(JSON.stringify(compilation.issues));
  return compilation.rule;
}

describe('a rule', () => {
  it('gets every default', () => {
    const rule = compiled({
      ...good,
      filters: [{ sieve: {} }],
      actions: [...good.actions, { call: { url: 'http://x' } }],
    });
    expect(rule).toMatchObject({
      identity: IDENTITY,
      onFirstSeen: 'baseline',
      delivery: {
        concurrency: 16,
        coalesce: { quietMs: 1000, maxWaitMs: 30_000 },
        breaker: { limit: 100, windowMs: 60_000 },
      },
      sources: [{ name: 'things[0]', config: { name: 'cm', on: ['created', 'updated'] } }],
      filters: [{ name: 'sieve[0]', config: { mesh: 1 } }],
      actions: [
        {
          name: 'roll[0]',
          timeoutMs: 30_000,
          onFailure: 'stop',
          retry: { limit: Infinity, initialDelayMs: 1000, maxDelayMs: 60_000 },
        },
        { name: 'call[1]', retry: { limit: 10 } },
      ],
    });
  });

  it.each([
    ['of an action that brings a target to a state', good.actions, {}, { quietMs: 1000, maxWaitMs: 30_000 }],
    ['of an action that reports', [{ call: { url: 'http://x' } }], {}, { quietMs: 0, maxWaitMs: 30_000 }],
    ['that is off', good.actions, { quietSeconds: 0 }, { quietMs: 0, maxWaitMs: 30_000 }],
    ['that is long', good.actions, { quietSeconds: 45 }, { quietMs: 45_000, maxWaitMs: 45_000 }],
  ])('coalesces changes: the window %s', (_, actions, coalesce, window) => {
    expect(compiled({ ...good, actions, delivery: { coalesce } }).delivery.coalesce).toEqual(window);
  });

  it('takes all that may stand beside a plugin', () => {
    const rule = compiled({
      suspend: true,
      onFirstSeen: 'run',
      delivery: {
        concurrency: 3,
        coalesce: { quietSeconds: 0.2, maxWaitSeconds: 7 },
        breaker: { limit: 2, windowSeconds: 5 },
      },
      sources: [{ name: 'first', things: {} }],
      filters: [{ name: 'fine', sieve: { mesh: 0.5 } }],
      actions: [
        {
          name: 'tell',
          call: { url: 'https://x' },
          retry: { limit: 0, initialDelaySeconds: 0.5, maxDelaySeconds: 2 },
          timeoutSeconds: 1.5,
          onFailure: 'continue',
        },
      ],
    });
    expect(rule).toMatchObject({
      onFirstSeen: 'run',
      delivery: {
        concurrency: 3,
        coalesce: { quietMs: 200, maxWaitMs: 7000 },
        breaker: { limit: 2, windowMs: 5000 },
      },
      sources: [{ name: 'first' }],
      filters: [{ name: 'fine' }],
      actions: [
        {
          name: 'tell',
          timeoutMs: 1500,
          onFailure: 'continue',
          retry: { limit: 0, initialDelayMs: 500, maxDelayMs: 2000 },
        },
      ],
    });
    expect(compile({ ...good, suspend: true })).toMatchObject({ suspend: true });
  });

  it('in the form of objectRef means the same as by the plugin name', () => {
    const byKind = compiled({ ...good, sources: [{ objectRef: { kind: 'Thing', name: 'cm' } }] });
    const versioned = compiled({ ...good, sources: [{ objectRef: { apiVersion: 'v1', kind: 'Thing', name: 'cm' } }] });
    expect(new Set([byKind, versioned, compiled(good)].map(({ sources }) => sources[0]?.id)).size).toBe(1);
  });

  it('names its sources by their content: order of fields and other items do not matter, the namespace does', () => {
    const one = compiled({ ...good, sources: [{ things: { name: 'cm', namespace: 'x' } }] });
    const other = compiled({
      ...good,
      sources: [{ clock: { everySeconds: 5 } }, { things: { namespace: 'x', name: 'cm' } }],
    });
    expect(one.sources[0]?.id).toBe(other.sources[1]?.id);
    expect(compiled(good).sources[0]?.id).not.toBe(one.sources[0]?.id);
    const elsewhere = compileRule({ ...IDENTITY, namespace: 'other' }, good, registry);
    expect('rule' in elsewhere && elsewhere.rule.sources[0]?.id).not.toBe(compiled(good).sources[0]?.id);
  });

  it('does not change what it is given', () => {
    const spec = Object.freeze({
      sources: Object.freeze([Object.freeze({ things: Object.freeze({}) })]),
      actions: good.actions,
    });
    expect(compiled(spec).sources[0]?.config).toEqual({ on: ['created', 'updated'] });
  });
});

describe('a rule that was accepted before', () => {
  const again = (spec: unknown) => compileRule(IDENTITY, spec, registry, { acceptedBefore: true });

  it('goes on with what a plugin now finds wrong with its own options, which is told', () => {
    const spec = { ...good, actions: [{ roll: { name: 'web', gone: true } }], filters: [{ sieve: { mesh: 'fine' } }] };
    expect(again(spec)).toMatchObject({
      rule: { filters: [{ config: { mesh: 'fine' } }], actions: [{ config: { name: 'web', gone: true } }] },
      tolerated: {
        reason: 'Invalid',
        issues: [{ path: 'spec.filters[0].sieve.mesh' }, { path: 'spec.actions[0].roll.gone' }],
      },
    });
    expect(compile(spec)).toHaveProperty('issues');
  });

  it('keeps the ids of its sources, so that nothing starts anew', () => {
    const before = compiled(good);
    const now = again({ ...good, actions: [{ roll: { name: 'web', gone: true } }] });
    expect('rule' in now && now.rule.sources).toEqual(before.sources);
  });

  it.each([
    ['a plugin that is not installed any more', { ...good, actions: [{ gone: {} }] }, 'UnknownPlugin'],
    ['a field that no rule has', { ...good, fliters: [] }, 'Invalid'],
  ])('is refused for %s', (_, spec, reason) => {
    expect(again(spec)).toMatchObject({ reason, issues: [{ path: expect.any(String) }] });
  });

  it('says nothing of tolerance when nothing is wrong', () => {
    expect(again(good)).not.toHaveProperty('tolerated');
  });
});

describe('a wrong rule', () => {
  it('with more unknown fields than the validator lists errors is told of them', () => {
    const surplus = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`surplus${i}`, 1]));
    const compilation = compile({ ...good, delivery: { breaker: surplus } });
    const issues = 'issues' in compilation ? compilation.issues : [];
    expect(issues[0]).toEqual({
      path: 'spec.delivery.breaker.surplus0',
      message: 'is not a known field; known fields: limit, windowSeconds',
    });
  });

  it.each(wrong)('(%s) is told where and what', (_, spec, path, message) => {
    const compilation = compile(spec);
    const issues: readonly RuleIssue[] = 'issues' in compilation ? compilation.issues : [];
    expect(issues).toContainEqual({ path, message });
  });

  it('is told all of it at once, each once', () => {
    const compilation = compile({
      sources: [{ thing: {} }, { things: { nam: 'x' } }],
      filters: [{}],
      actions: [{ roll: {} }, { call: { url: 'x' }, timeoutSeconds: -1 }],
    });
    const issues = 'issues' in compilation ? compilation.issues : [];
    expect(issues.map(({ path }) => path)).toEqual([
      'spec.sources[0].thing',
      'spec.sources[1].things.nam',
      'spec.filters[0]',
      'spec.actions[0].roll.name',
      'spec.actions[1].timeoutSeconds',
      'spec.actions[1].call.url',
    ]);
  });

  it('has a reason for its condition', () => {
    const reasons = [source({ thing: {} }), ref({ kind: 'X', name: 'x' }), source({})].map((spec) => {
      const compilation = compile(spec);
      return 'reason' in compilation ? compilation.reason : undefined;
    });
    expect(reasons).toEqual(['UnknownPlugin', 'UnknownKind', 'Invalid']);
  });

  it('is told that nothing is installed', () => {
    const compilation = compileRule(IDENTITY, { ...good, filters: [{}] }, new PluginRegistry());
    expect(compilation).toMatchObject({
      issues: [
        { message: 'no source plugin "things" is installed; installed: none' },
        {
          message:
            'needs exactly one filter plugin, found none (a key without a value is none: write {}); installed: none',
        },
        { message: 'no action plugin "roll" is installed; installed: none' },
      ],
    });
  });
});
