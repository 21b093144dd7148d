import { describe, expect, it } from 'vitest';
import { compileRule, PluginRegistry, type RuleIssue } from './support/core.js';
import { exampleRegistry } from './support/example-plugins.js';
import { IDENTITY } from './support/harness.js';

const registry = exampleRegistry();
const good = { sources: [{ things: { name: 'cm' } }], actions: [{ roll: { name: 'web' } }] };
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
    const ref = compiled({ ...good, sources: [{ objectRef: { kind: 'Thing', name: 'cm' } }] });
    const versioned = compiled({ ...good, sources: [{ objectRef: { apiVersion: 'v1', kind: 'Thing', name: 'cm' } }] });
    expect(new Set([ref, versioned, compiled(good)].map(({ sources }) => sources[0]?.id)).size).toBe(1);
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

const source = (item: unknown) => ({ ...good, sources: [item] });
const action = (item: unknown) => ({ ...good, actions: [item] });
const filter = (item: unknown) => ({ ...good, filters: [item] });
const ref = (objectRef: unknown) => source({ objectRef });
const roll = (beside: object) => action({ roll: { name: 'web' }, ...beside });

const wrong: [string, unknown, string, string][] = [
  ['nothing', undefined, 'spec.sources', 'is required'],
  ['null', null, 'spec.actions', 'is required'],
  ['a string', 'x', 'spec', '"x" must be object'],
  ['a list', [], 'spec', 'the list must be object'],
  ['no sources', { actions: good.actions }, 'spec.sources', 'is required'],
  ['no actions', { sources: good.sources }, 'spec.actions', 'is required'],
  ['an empty list of sources', { ...good, sources: [] }, 'spec.sources', 'the list must not have fewer than 1 items'],
  ['an empty list of actions', { ...good, actions: [] }, 'spec.actions', 'the list must not have fewer than 1 items'],
  [
    'too many actions',
    { ...good, actions: Array(65).fill(good.actions[0]) },
    'spec.actions',
    'the list must not have more than 64 items',
  ],
  ['sources that are no list', { ...good, sources: good.sources[0] }, 'spec.sources', 'the object must be array'],
  ['a misspelt field', { ...good, action: [] }, 'spec.action', 'is not a known field; did you mean "actions"?'],
  [
    'an unknown field',
    { ...good, zzzzzzzz: 1 },
    'spec.zzzzzzzz',
    'is not a known field; known fields: actions, delivery, filters, onFirstSeen, serviceAccountName, sources, suspend',
  ],
  ['suspend as text', { ...good, suspend: 'true' }, 'spec.suspend', '"true" must be boolean'],
  [
    'an unknown onFirstSeen',
    { ...good, onFirstSeen: 'walk' },
    'spec.onFirstSeen',
    '"walk" is not one of baseline, run',
  ],
  ['a concurrency of 0', { ...good, delivery: { concurrency: 0 } }, 'spec.delivery.concurrency', '0 must be >= 1'],
  [
    'a broken concurrency',
    { ...good, delivery: { concurrency: 1.5 } },
    'spec.delivery.concurrency',
    '1.5 must be integer',
  ],
  [
    'a misspelt concurrency',
    { ...good, delivery: { concurency: 1 } },
    'spec.delivery.concurency',
    'is not a known field; did you mean "concurrency"?',
  ],
  [
    'less than no quiet',
    { ...good, delivery: { coalesce: { quietSeconds: -1 } } },
    'spec.delivery.coalesce.quietSeconds',
    '-1 must be >= 0',
  ],
  [
    'a wait shorter than the quiet',
    { ...good, delivery: { coalesce: { quietSeconds: 5, maxWaitSeconds: 4 } } },
    'spec.delivery.coalesce.maxWaitSeconds',
    '4 is shorter than quietSeconds (5); raise it, or lower quietSeconds',
  ],
  [
    'a misspelt quiet',
    { ...good, delivery: { coalesce: { quietSecond: 5 } } },
    'spec.delivery.coalesce.quietSecond',
    'is not a known field; did you mean "quietSeconds"?',
  ],
  [
    'a breaker without limit',
    { ...good, delivery: { breaker: { limit: 0 } } },
    'spec.delivery.breaker.limit',
    '0 must be >= 1',
  ],
  [
    'a misspelt breaker',
    { ...good, delivery: { breaker: { windowsSeconds: 1 } } },
    'spec.delivery.breaker.windowsSeconds',
    'is not a known field; did you mean "windowSeconds"?',
  ],
  ['a source that is text', source('things'), 'spec.sources[0]', '"things" must be object'],
  ['a source that is null', source(null), 'spec.sources[0]', 'null must be object'],
  ['a source that is a list', source([]), 'spec.sources[0]', 'the list must be object'],
  [
    'an empty source',
    source({}),
    'spec.sources[0]',
    'needs exactly one source plugin, found none (a key without a value is none: write {}); installed: clock, things',
  ],
  [
    'a source of two plugins',
    source({ things: {}, clock: {} }),
    'spec.sources[0]',
    'needs exactly one source plugin, found clock and things; installed: clock, things',
  ],
  [
    'a misspelt source',
    source({ thing: {} }),
    'spec.sources[0].thing',
    'no source plugin "thing" is installed; did you mean "things"?',
  ],
  [
    'an unknown source',
    source({ kafkaTopic: {} }),
    'spec.sources[0].kafkaTopic',
    'no source plugin "kafkaTopic" is installed; installed: clock, things',
  ],
  [
    'an action as a source',
    source({ roll: {} }),
    'spec.sources[0].roll',
    '"roll" is a plugin for actions; move it to spec.actions',
  ],
  [
    'a name of every object as a source',
    source({ constructor: {} }),
    'spec.sources[0].constructor',
    'no source plugin "constructor" is installed; installed: clock, things',
  ],
  [
    'a source with only a name',
    source({ name: 'x' }),
    'spec.sources[0]',
    'needs exactly one source plugin, found none (a key without a value is none: write {}); installed: clock, things',
  ],
  ['a name that is no text', source({ things: {}, name: 7 }), 'spec.sources[0].name', '7 must be string'],
  [
    'an empty name',
    source({ things: {}, name: '' }),
    'spec.sources[0].name',
    '"" must not have fewer than 1 characters',
  ],
  [
    'retry at a source',
    source({ things: {}, retry: {} }),
    'spec.sources[0].retry',
    'is not a known field; known fields: name',
  ],
  [
    'a repeated source',
    { ...good, sources: [{ things: {} }, { things: {}, name: 'again' }] },
    'spec.sources[1]',
    'repeats spec.sources[0]; remove one of them',
  ],
  [
    'a repeated source in another form',
    { ...good, sources: [...good.sources, { objectRef: { kind: 'Thing', name: 'cm' } }] },
    'spec.sources[1]',
    'repeats spec.sources[0]; remove one of them',
  ],
  [
    'a repeated name',
    {
      ...good,
      actions: [
        { roll: { name: 'a' }, name: 'x' },
        { roll: { name: 'b' }, name: 'x' },
      ],
    },
    'spec.actions[1].name',
    '"x" is the name of spec.actions[0] already; choose another one',
  ],
  [
    'an objectRef beside a plugin',
    source({ objectRef: { kind: 'Thing', name: 'x' }, things: {} }),
    'spec.sources[0]',
    'needs exactly one source plugin, found objectRef and things; installed: clock, things',
  ],
  ['an empty objectRef', ref({}), 'spec.sources[0].objectRef.kind', 'is required'],
  ['an objectRef without name', ref({ kind: 'Thing' }), 'spec.sources[0].objectRef.name', 'is required'],
  ['an objectRef that is text', ref('Thing'), 'spec.sources[0].objectRef', '"Thing" must be object'],
  [
    'an unknown kind',
    ref({ kind: 'Deployment', name: 'x' }),
    'spec.sources[0].objectRef.kind',
    'no source plugin handles "Deployment"; handled: v1 Thing',
  ],
  [
    'a misspelt kind',
    ref({ kind: 'thing', name: 'x' }),
    'spec.sources[0].objectRef.kind',
    'no source plugin handles "thing"; did you mean "Thing"?',
  ],
  [
    'a kind of another version',
    ref({ apiVersion: 'v2', kind: 'Thing', name: 'x' }),
    'spec.sources[0].objectRef.kind',
    'no source plugin handles "v2" "Thing"; handled: v1 Thing',
  ],
  [
    'an objectRef with a selector',
    ref({ kind: 'Thing', name: 'x', selectr: {} }),
    'spec.sources[0].objectRef.selectr',
    'is not a known field; known fields: apiVersion, kind, name, namespace',
  ],
  [
    'a name that no object can have',
    ref({ kind: 'Thing', name: 'Not A Name' }),
    'spec.sources[0].objectRef.name',
    '"Not A Name" must match pattern "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": lower-case letters, digits, "-" and "."',
  ],
  [
    'a misspelt option',
    source({ things: { nam: 'x' } }),
    'spec.sources[0].things.nam',
    'is not a known field; did you mean "name"?',
  ],
  [
    'a misspelt option further in',
    source({ things: { selector: { matchLabel: {} } } }),
    'spec.sources[0].things.selector.matchLabel',
    'is not a known field; did you mean "matchLabels"?',
  ],
  [
    'a misspelt option in a list',
    source({ things: { selector: { matchExpressions: [{ key: 'a', operator: 'Exists', value: [] }] } } }),
    'spec.sources[0].things.selector.matchExpressions[0].value',
    'is not a known field; did you mean "values"?',
  ],
  [
    'an unknown word in a list',
    source({ things: { on: ['removed'] } }),
    'spec.sources[0].things.on[0]',
    '"removed" is not one of created, updated',
  ],
  [
    'an unknown operator',
    source({ things: { selector: { matchExpressions: [{ key: 'a', operator: 'Like' }] } } }),
    'spec.sources[0].things.selector.matchExpressions[0].operator',
    '"Like" is not one of In, NotIn, Exists, DoesNotExist',
  ],
  ['a config that is a list', source({ things: [] }), 'spec.sources[0].things', 'the list must be object'],
  [
    'what the plugin objects to',
    source({ things: { name: 'x', selector: {} } }),
    'spec.sources[0].things.selector',
    'cannot stand beside name',
  ],
  ['what the plugin objects to as a whole', action({ roll: { name: 'self' } }), 'spec.actions[0].roll', 'names itself'],
  [
    'a plugin whose check fails',
    action({ roll: { name: 'broken' } }),
    'spec.actions[0].roll',
    'the plugin cannot check this: Error: boom',
  ],
  ['a required option that is missing', source({ clock: {} }), 'spec.sources[0].clock.everySeconds', 'is required'],
  [
    'an unknown filter',
    filter({ siev: {} }),
    'spec.filters[0].siev',
    'no filter plugin "siev" is installed; did you mean "sieve"?',
  ],
  [
    'a wrong option of a filter',
    filter({ sieve: { mesh: 'fine' } }),
    'spec.filters[0].sieve.mesh',
    '"fine" must be number',
  ],
  [
    'an unknown action',
    action({ rol: { name: 'x' } }),
    'spec.actions[0].rol',
    'no action plugin "rol" is installed; did you mean "roll"?',
  ],
  [
    'an objectRef as an action',
    action({ objectRef: {} }),
    'spec.actions[0].objectRef',
    'no action plugin "objectRef" is installed; installed: call, roll',
  ],
  [
    'a long value, cut short',
    action({ call: { url: 'x'.repeat(500) } }),
    'spec.actions[0].call.url',
    `"${'x'.repeat(61)}..." must match pattern "^https?://"`,
  ],
  ['a negative limit', roll({ retry: { limit: -1 } }), 'spec.actions[0].retry.limit', '-1 must be >= 0'],
  [
    'a delay of 0',
    roll({ retry: { initialDelaySeconds: 0 } }),
    'spec.actions[0].retry.initialDelaySeconds',
    '0 must be > 0',
  ],
  [
    'a delay of weeks',
    roll({ retry: { maxDelaySeconds: 1_000_000 } }),
    'spec.actions[0].retry.maxDelaySeconds',
    '1000000 must be <= 86400',
  ],
  [
    'a misspelt retry',
    roll({ retry: { limits: 1 } }),
    'spec.actions[0].retry.limits',
    'is not a known field; did you mean "limit"?',
  ],
  ['a retry that is a number', roll({ retry: 3 }), 'spec.actions[0].retry', '3 must be object'],
  [
    'a timeout that nothing can keep',
    roll({ timeoutSeconds: 0.5 }),
    'spec.actions[0].timeoutSeconds',
    '0.5 must be >= 1',
  ],
  ['a timeout of hours', roll({ timeoutSeconds: 7200 }), 'spec.actions[0].timeoutSeconds', '7200 must be <= 3600'],
  [
    'an unknown onFailure',
    roll({ onFailure: 'retry' }),
    'spec.actions[0].onFailure',
    '"retry" is not one of stop, continue',
  ],
  [
    'a misspelt timeout',
    roll({ timeoutSecond: 1 }),
    'spec.actions[0].timeoutSecond',
    'is not a known field; did you mean "timeoutSeconds"?',
  ],
  ['a function', { ...good, suspend: () => true }, 'spec', 'is not plain data (JSON)'],
];

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
