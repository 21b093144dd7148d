import 'reflect-metadata';
import { Type } from 'typebox';
import { container, inject, injectable } from 'tsyringe';
import { describe, expect, it } from 'vitest';
import {
  compileRule,
  defineFilter,
  instantiate,
  type Logger,
  EquipPluginToken,
  type EquipPlugin,
  LoggerToken,
  MetricsToken,
  PASS,
  silentLogger,
} from './support/core.js';
import { call, clock, exampleRegistry, roll, sieve, things } from './support/example-plugins.js';
import { IDENTITY } from './support/harness.js';

describe('the registry', () => {
  it('finds plugins by kind and name, and the sources by what they handle', () => {
    const registry = exampleRegistry();
    expect(registry.find('source', 'things')).toBe(things);
    expect(registry.find('action', 'things')).toBeUndefined();
    expect(registry.names('source')).toEqual(['clock', 'things']);
    expect(registry.all()).toEqual([things, clock, sieve, call, roll]);
    expect(registry.handledKinds()).toEqual([{ apiVersion: 'v1', kind: 'Thing', plugin: things }]);
  });

  it('lets one name serve one plugin of each kind', () => {
    const registry = exampleRegistry();
    registry.register({ ...sieve, name: 'things' }, 'other');
    expect(registry.find('filter', 'things')?.kind).toBe('filter');
  });

  it('does without a disabled plugin, and tells rules that name it', () => {
    const registry = exampleRegistry();
    expect(registry.disable('call')).toBe(true);
    expect(registry.disable('cal')).toBe(false);
    expect(registry.names('action')).toEqual(['roll']);
    const spec = { sources: [{ things: { name: 'a' } }], actions: [{ call: { url: 'http://a' } }] };
    expect(compileRule(IDENTITY, spec, registry)).toMatchObject({
      reason: 'UnknownPlugin',
      issues: [{ path: 'spec.actions[0].call', message: expect.stringMatching(/plugin "call" is disabled/) }],
    });
  });

  const refused: [string, unknown, RegExp][] = [
    ['nothing', undefined, /default export is not a plugin/],
    ['null', null, /default export is not a plugin/],
    ['a function', () => call, /default export is not a plugin/],
    ['another contract', { ...call, contract: 2 }, /built for contract 2, this operator speaks 1/],
    ['no contract', { ...call, contract: undefined }, /built for contract undefined/],
    ['an unknown kind', { ...call, kind: 'sink' }, /kind is "sink", not source, filter or action/],
    ['a kind that is no JSON', { ...call, kind: 1n }, /kind is "1"/],
    ['no name', { ...call, name: undefined }, /name "undefined" is not a free lowerCamelCase word/],
    ['a name with a dash', { ...call, name: 'my-action' }, /lowerCamelCase/],
    ['a capital name', { ...call, name: 'Call' }, /lowerCamelCase/],
    ['a reserved name', { ...call, name: 'retry' }, /lowerCamelCase/],
    ['objectRef as a name', { ...things, name: 'objectRef' }, /lowerCamelCase/],
    ['no config', { ...call, config: undefined }, /config is not an object schema/],
    ['a config that is no object', { ...call, config: Type.String() }, /config is not an object schema/],
    ['no class', { ...call, useClass: {} }, /needs create, a function, or useClass, a class/],
    ['two ways to be made', { ...call, create: () => ({}) }, /needs create, a function, or useClass, a class/],
    ['no rbac', { ...call, rbac: undefined }, /rbac is not a list/],
    ['a source without semantics', { ...things, semantics: undefined }, /semantics is "undefined", not level or edge/],
    ['an action without semantics', { ...call, semantics: 'both' }, /semantics is "both"/],
    ['a source without format', { ...things, revisionFormat: undefined }, /revisionFormat is not a whole number/],
    [
      'a source that handles nothing nameable',
      { ...clock, name: 'c', handles: {} },
      /handles needs apiVersion and kind/,
    ],
    ['an error code of another form', { ...call, errors: { E1: 'x' } }, /error code "E1"/],
    ["one of the host's error codes", { ...call, errors: { KT_STOPPED: 'x' } }, /error code "KT_STOPPED"/],
    [
      'a hostile object',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('boom');
          },
        },
      ),
      /cannot be read/,
    ],
    ['a taken name', { ...call }, /another plugin is already the action "call"/],
    ['a kind that another one handles', { ...things, name: 'other' }, /the source "things" handles v1 Thing already/],
  ];
  it.each(refused)('refuses %s, naming the package', (_, candidate, message) => {
    const registry = exampleRegistry();
    expect(() => registry.register(candidate, 'kt-broken')).toThrow(
      expect.objectContaining({ code: 'KT_PLUGIN_INVALID', message: expect.stringMatching(message) as string }),
    );
    expect(() => registry.register(candidate, 'kt-broken')).toThrow('plugin kt-broken: ');
    expect(registry.all()).toHaveLength(5);
  });
});

describe('instantiate', () => {
  const disposed: string[] = [];
  class Injected {
    constructor(readonly logger: Logger) {}
    decide() {
      return PASS;
    }
    dispose() {
      disposed.push('injected');
      throw new Error('boom');
    }
  }
  // What the decorators do that the test's transform does not know.
  inject(LoggerToken)(Injected, undefined, 0);
  injectable()(Injected);
  class Plain {
    decide() {
      return PASS;
    }
    dispose() {
      disposed.push('plain');
    }
  }
  class Broken {
    constructor() {
      throw new Error('boom');
    }
    decide() {
      return PASS;
    }
  }
  const config = Type.Object({}, { additionalProperties: false });
  const define = (name: string, useClass: typeof Plain | typeof Injected | typeof Broken) =>
    defineFilter({ name, summary: 'x', config, rbac: [], useClass });

  function ruleWith(...names: string[]) {
    const registry = exampleRegistry();
    for (const [name, useClass] of Object.entries({ injected: Injected, plain: Plain, broken: Broken }))
      registry.register(define(name, useClass), 'test');
    const compilation = compileRule(
      IDENTITY,
      { sources: [{ things: {} }], filters: names.map((name) => ({ [name]: {} })), actions: [{ roll: { name: 'x' } }] },
      registry,
    );
    if (!('rule' in compilation)) throw new Error(JSON.stringify(compilation.issues));
    return compilation.rule;
  }
  const parent = container.createChildContainer();
  parent.register(LoggerToken, { useValue: silentLogger });

  it('injects what the embedding program registered, one instance per item', () => {
    const { filters } = instantiate(ruleWith('injected', 'plain', 'plain'), parent);
    expect(filters[0]).toMatchObject({ logger: silentLogger });
    expect(filters[1]).not.toBe(filters[2]);
  });

  it('hands over the same to a factory function, without decorators', () => {
    const registry = exampleRegistry();
    const made: unknown[] = [];
    registry.register(
      defineFilter({
        name: 'factory',
        summary: 'x',
        config,
        rbac: [],
        create: (take) => {
          made.push(take(LoggerToken), take.optional(LoggerToken), take.optional(MetricsToken));
          return { decide: () => PASS };
        },
      }),
      'test',
    );
    const spec = { sources: [{ things: {} }], filters: [{ factory: {} }], actions: [{ roll: { name: 'x' } }] };
    const compilation = compileRule(IDENTITY, spec, registry);
    if (!('rule' in compilation)) throw new Error(JSON.stringify(compilation.issues));
    instantiate(compilation.rule, parent);
    expect(made).toEqual([silentLogger, silentLogger, undefined]);
  });

  it('lets the host equip each instance by its plugin', () => {
    const host = parent.createChildContainer();
    const equipped: string[] = [];
    const equip: EquipPlugin = (own, plugin) => {
      equipped.push(plugin.name);
      own.register(LoggerToken, { useValue: Object.assign({}, silentLogger, { of: plugin.name }) });
    };
    host.register(EquipPluginToken, { useValue: equip });
    const { filters } = instantiate(ruleWith('injected', 'plain'), host);
    expect(equipped).toEqual(['things', 'injected', 'plain', 'roll']);
    expect(filters[0]).toMatchObject({ logger: { of: 'injected' } });
  });

  it('disposes in the opposite order, all of them, and rejects with the first failure', async () => {
    const instances = instantiate(ruleWith('plain', 'injected', 'plain'), parent);
    disposed.length = 0;
    await expect(instances.dispose()).rejects.toMatchObject({ message: 'Error: boom' });
    expect(disposed).toEqual(['plain', 'injected', 'plain']);
  });

  it('names the item that cannot be made and disposes of those before it', async () => {
    disposed.length = 0;
    expect(() => instantiate(ruleWith('plain', 'broken'), parent)).toThrow(
      expect.objectContaining({
        code: 'KT_PLUGIN_FAULT',
        message: expect.stringContaining('broken[1] cannot be made') as string,
      }),
    );
    await Promise.resolve();
    expect(disposed).toEqual(['plain']);
    expect(() => instantiate(ruleWith('injected'), container.createChildContainer())).toThrow(
      'injected[0] cannot be made',
    );
  });
});
