import { of } from 'rxjs';
import { type Static, Type } from 'typebox';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type Action,
  createRuntime,
  Default,
  defineAction,
  defineFilter,
  defineRule,
  defineSource,
  type Logger,
  LoggerToken,
  PASS,
  type Source,
  type SourceEvent,
  use,
  type Verdict,
} from './support/core.js';
import { DONE, Recorder } from './support/recorder.js';

// Checked by the type-checker, which reads the tests too: a directive that expects no error is an error itself.

const config = Type.Object(
  { name: Type.String(), count: Type.Number({ default: 1 }) },
  { additionalProperties: false },
);
interface Config {
  name: string;
  count: number;
}
const base = { name: 'x', summary: 'X.', config, rbac: [] } as const;

describe('the types of a plugin follow from its config', () => {
  it('a class that takes that config fits', () => {
    class Fitting implements Source<Config, { readonly size: number }> {
      open({ name, count }: Config) {
        return of({ change: 'present', key: name, revision: String(count), data: { size: 1 } } as const);
      }
    }
    const plugin = defineSource({ ...base, semantics: 'level', revisionFormat: 1, useClass: Fitting });
    expectTypeOf(plugin.kind).toEqualTypeOf<'source'>();
    expectTypeOf(plugin.validate).parameter(0).toEqualTypeOf<Config>();
    expect(plugin).toMatchObject({ kind: 'source', contract: 1 });
  });

  it('a class that takes another config does not', () => {
    class Source2 {
      open(wrong: { name: number }) {
        return of({ change: 'absent', key: String(wrong.name) } as const);
      }
    }
    class Filter2 {
      decide(wrong: { missing: string }) {
        return { drop: wrong.missing };
      }
    }
    class Action2 {
      run(wrong: { count: string }) {
        return Promise.resolve({ ...DONE, targets: [{ target: wrong.count, outcome: 'done' as const }] });
      }
    }
    // @ts-expect-error -- name is a string in the config
    defineSource({ ...base, semantics: 'level', revisionFormat: 1, useClass: Source2 });
    // @ts-expect-error -- the config has no field `missing`
    defineFilter({ ...base, useClass: Filter2 });
    // @ts-expect-error -- count is a number in the config
    expect(defineAction({ ...base, semantics: 'level', useClass: Action2 }).kind).toBe('action');
  });

  it('a class of another kind does not fit, nor a plugin without semantics', () => {
    class Filter2 {
      decide() {
        return PASS;
      }
    }
    // @ts-expect-error -- a filter is no action
    defineAction({ ...base, semantics: 'level', useClass: Filter2 });
    // @ts-expect-error -- level or edge must be said
    expect(defineSource({ ...base, revisionFormat: 1, useClass: Filter2 }).kind).toBe('source');
  });

  it('validate gets the config with its defaults', () => {
    class Fitting implements Action<Config> {
      run() {
        return Promise.resolve(DONE);
      }
    }
    const plugin = defineAction({
      ...base,
      semantics: 'edge',
      useClass: Fitting,
      validate: ({ name, count }) => {
        expectTypeOf(count).toEqualTypeOf<number>();
        // @ts-expect-error -- no such field
        expectTypeOf<Config>().toHaveProperty('other');
        return [{ path: 'name', message: name }];
      },
    });
    expect(plugin.validate?.({ name: 'n', count: 1 })).toEqual([{ path: 'name', message: 'n' }]);
  });
});

describe('the types of a plugin that a function makes', () => {
  it('follow from its config and its tokens', () => {
    const plugin = defineAction({
      ...base,
      semantics: 'edge',
      create: (inject) => {
        expectTypeOf(inject(LoggerToken)).toEqualTypeOf<Logger>();
        expectTypeOf(inject.optional(LoggerToken)).toEqualTypeOf<Logger | undefined>();
        return {
          run(given, delivery, context) {
            expectTypeOf(given).toEqualTypeOf<Config>();
            expectTypeOf(delivery.attempt).toEqualTypeOf<number>();
            expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
            return Promise.resolve(DONE);
          },
        };
      },
    });
    expect(plugin.kind).toBe('action');
  });

  it('refuse a wrong config, a missing field and two ways to be made', () => {
    const run = () => Promise.resolve(DONE);
    // @ts-expect-error -- count is a number in the config
    defineAction({ ...base, semantics: 'edge', create: () => ({ run: (wrong: { count: string }) => run(wrong) }) });
    // @ts-expect-error -- an action runs
    defineAction({ ...base, semantics: 'edge', create: () => ({ open: run }) });
    // @ts-expect-error -- neither create nor useClass
    defineAction({ ...base, semantics: 'edge' });
    // @ts-expect-error -- a plugin has a summary
    defineAction({ name: 'x', config, rbac: [], semantics: 'edge', create: () => ({ run }) });
    // @ts-expect-error -- not both
    expect(defineAction({ ...base, semantics: 'edge', create: () => ({ run }), useClass: Recorder }).kind).toBe(
      'action',
    );
  });

  it('let a source be an async generator, whose events have the form', () => {
    const level = { ...base, semantics: 'edge', revisionFormat: 1 } as const;
    defineSource({
      ...level,
      create: () => ({
        async *open({ name }) {
          yield { change: 'occurred', key: name, revision: '1' } as const;
        },
      }),
    });
    const plugin = defineSource({
      ...level,
      // @ts-expect-error -- an occurrence has a revision
      create: () => ({
        async *open() {
          yield { change: 'occurred', key: 'k' } as const;
        },
      }),
    });
    expect(plugin.kind).toBe('source');
  });
});

describe('the types of a rule that is written in TypeScript', () => {
  const queueConfig = Type.Object({ url: Type.String(), batch: Default(Type.Integer(), 10) });
  const queue = defineSource({
    ...base,
    name: 'queue',
    config: queueConfig,
    semantics: 'edge',
    revisionFormat: 1,
    create: (): Source<Static<typeof queueConfig>, { readonly body: string }> => ({ open: () => of() }),
  });
  const takes = <D>(name: string) =>
    defineAction({
      ...base,
      name,
      config: Type.Object({}),
      semantics: 'edge',
      create: (): Action<object, D> => ({ run: () => Promise.resolve(DONE) }),
    });
  const [body, size, anything] = [takes<{ body: string }>('body'), takes<{ size: number }>('size'), takes('anything')];

  it('lets fields with a default be missing, and no others', () => {
    // @ts-expect-error -- url has no default
    use(queue, {});
    // @ts-expect-error -- batch is a number
    use(queue, { url: 'x', batch: 'ten' });
    // @ts-expect-error -- there is no such field
    use(queue, { url: 'x', batches: 10 });
    // @ts-expect-error -- a source is not retried
    use(queue, { url: 'x' }, { retry: { limit: 1 } });
    expect(use(queue, { url: 'x' }, { name: 'q' })).toEqual({ queue: { url: 'x' }, name: 'q' });
  });

  it('lets only events reach an action that it can take', () => {
    const sources = [use(queue, { url: 'x' })] as const;
    // @ts-expect-error -- a queue's events have no size
    defineRule({ sources, actions: [use(size, {})] });
    // @ts-expect-error -- a source does nothing
    defineRule({ sources, actions: sources });
    const rule = defineRule({ sources, actions: [use(body, {}), use(anything, {}, { timeoutSeconds: 5 })] });
    expect(rule).toEqual({
      sources: [{ queue: { url: 'x' } }],
      actions: [{ body: {} }, { anything: {}, timeoutSeconds: 5 }],
    });
    expect(() => createRuntime({ plugins: [queue, body, anything], rules: { rule } })).not.toThrow();
  });
});

describe('the types of events and verdicts', () => {
  it('refuse what is neither', () => {
    const neither: unknown[] = [
      // @ts-expect-error -- a present key has a revision
      { change: 'present', key: 'k' } satisfies SourceEvent,
      // @ts-expect-error -- parts are digests
      { change: 'present', key: 'k', revision: 'r', parts: { a: 1 } } satisfies SourceEvent,
      // @ts-expect-error -- a deferral has a reason
      { deferUntilMs: 1 } satisfies Verdict,
      // @ts-expect-error -- passing is the only thing that needs none
      { pass: false } satisfies Verdict,
    ];
    expect(neither).toHaveLength(4);
  });
});
