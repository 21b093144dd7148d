import { of } from 'rxjs';
import { Type } from 'typebox';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type Action,
  defineAction,
  defineFilter,
  defineSource,
  PASS,
  type Source,
  type SourceEvent,
  type Verdict,
} from './support/core.js';
import { DONE } from './support/recorder.js';

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
