import { type ConfigIssue, LabelSelector, NamespaceName, ObjectName, StringEnum } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';
import { globIssue } from './key-filter.js';
import { selectorIssues } from './label-selector.js';

const CHANGES = ['created', 'updated', 'deleted'] as const;

const Globs = (description: string) =>
  Type.Array(Type.String({ maxLength: 253 }), { maxItems: 32, description, examples: [['*.conf', 'app-?.yaml']] });

export const ConfigMapConfig = Type.Object(
  {
    name: Type.Optional(ObjectName({ description: 'The one ConfigMap to watch. Not together with selector.' })),
    selector: Type.Optional(
      LabelSelector({
        description: 'Watches every ConfigMap with these labels. Without name and selector: all in the namespace.',
      }),
    ),
    namespace: Type.Optional(NamespaceName({ description: "Where to look. Default: the rule's namespace." })),
    keys: Type.Optional(
      Type.Object(
        {
          include: Type.Optional(Globs('Data keys that count: globs with * ? [abc] {a,b}. Default: all.')),
          exclude: Type.Optional(Globs('Data keys that do not count, also when included. Default: none.')),
        },
        { additionalProperties: false, description: 'Which keys of data and binaryData are looked at.' },
      ),
    ),
    on: Type.Array(StringEnum(CHANGES, { description: 'A kind of change.' }), {
      default: ['created', 'updated'],
      minItems: 1,
      maxItems: 3,
      description: 'Which changes count; the others are recorded and do nothing.',
    }),
  },
  { additionalProperties: false, description: 'Fires when the data of ConfigMaps changes.' },
);
export type ConfigMapConfig = Static<typeof ConfigMapConfig>;

/** What the schema cannot say: name or selector, a selector's grammar, globs that could match a key. */
export function validateConfigMap(config: ConfigMapConfig): ConfigIssue[] {
  const both =
    config.name !== undefined && config.selector !== undefined
      ? [
          {
            path: 'selector',
            message: `cannot stand beside name ("${config.name}"); keep one of them, or make two sources`,
          },
        ]
      : [];
  return [
    ...both,
    ...(config.selector === undefined ? [] : selectorIssues(config.selector, 'selector')),
    ...globIssues(config, 'include'),
    ...globIssues(config, 'exclude'),
  ];
}

function globIssues({ keys }: ConfigMapConfig, list: 'include' | 'exclude'): ConfigIssue[] {
  return (keys?.[list] ?? []).flatMap((glob, index) => {
    const message = globIssue(glob);
    return message === undefined ? [] : [{ path: `keys.${list}[${index}]`, message }];
  });
}
