import {
  type Choices,
  type ConfigIssue,
  LabelSelector,
  NamespaceName,
  ObjectName,
  StringEnum,
} from '@kube-trigger/core';
import { Type } from 'typebox';
import { globIssue, type KeyGlobs } from './key-globs.js';
import { type Selector, selectorIssues } from './label-selector.js';

/** Which objects a source looks at, as its config says it: one, those with certain labels, or all in the namespace. */
export interface ObjectChoice {
  readonly name?: string;
  readonly selector?: Selector;
  readonly namespace?: string;
}

/** The options that choose objects. `noun` is how descriptions call one of them, e.g. `ConfigMap`. */
export const choiceOptions = (noun: string) => ({
  name: Type.Optional(ObjectName({ description: `The one ${noun} to watch. Not together with selector.` })),
  selector: Type.Optional(
    LabelSelector({
      description: `Watches every ${noun} with these labels. Without name and selector: all in the namespace.`,
    }),
  ),
  namespace: Type.Optional(NamespaceName({ description: "Where to look. Default: the rule's namespace." })),
});

const Globs = (description: string) =>
  Type.Array(Type.String({ maxLength: 253 }), { maxItems: 32, description, examples: [['*.conf', 'app-?.yaml']] });

/** The option `keys`: globs over data keys. */
export const keysOption = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        include: Type.Optional(Globs('Data keys that count: globs with * ? [abc] {a,b}. Default: all.')),
        exclude: Type.Optional(Globs('Data keys that do not count, also when included. Default: none.')),
      },
      { additionalProperties: false, description },
    ),
  );

const CHANGES = ['created', 'updated', 'deleted'] as const;

/** The option `on`: which kinds of changes count. */
export const onOption = () =>
  Type.Array(StringEnum(CHANGES, { description: 'A kind of change.' }), {
    default: ['created', 'updated'],
    minItems: 1,
    maxItems: 3,
    description: 'Which changes count; the others are recorded and do nothing.',
  });

/** For the object schema that has them. */
export const ONE_CHOICE = { atMostOneOf: ['name', 'selector'] } as const satisfies Choices;

/** What a schema cannot say about a choice: a selector's grammar. */
export function choiceIssues({ selector }: ObjectChoice): ConfigIssue[] {
  return selector === undefined ? [] : selectorIssues(selector, 'selector');
}

/** Globs that could match no key. */
export function keysIssues(keys: KeyGlobs = {}): ConfigIssue[] {
  return (['include', 'exclude'] as const).flatMap((list) =>
    (keys[list] ?? []).flatMap((glob, index) => {
      const message = globIssue(glob);
      return message === undefined ? [] : [{ path: `keys.${list}[${index}]`, message }];
    }),
  );
}
