import type { ConfigIssue } from '@kube-trigger/core';
import { choiceIssues, choiceOptions, keysIssues, keysOption, ONE_CHOICE, onOption } from '@kube-trigger/kube';
import { type Static, Type } from 'typebox';

export const SecretConfig = Type.Object(
  {
    ...choiceOptions('Secret'),
    types: Type.Optional(
      Type.Array(Type.String({ maxLength: 253, description: 'A type, or "*" for all.' }), {
        minItems: 1,
        maxItems: 32,
        description:
          'Which types of Secrets count. Not together with name. Default: all but helm.sh/release.v1 and kubernetes.io/service-account-token.',
        examples: [['kubernetes.io/tls']],
      }),
    ),
    keys: keysOption('Which keys of data are looked at.'),
    on: onOption(),
  },
  { additionalProperties: false, ...ONE_CHOICE, description: 'Fires when the data of Secrets changes.' },
);
export type SecretConfig = Static<typeof SecretConfig>;

/** What the schema cannot say: a selector's grammar, types that exist, globs that could match a key. */
export function validateSecret(config: SecretConfig): ConfigIssue[] {
  return [...choiceIssues(config), ...typesIssues(config), ...keysIssues(config.keys)];
}

/** Kubernetes takes any text; these are the characters of all types that are in use, and none of them needs escaping in a field selector. */
const TYPE = /^[A-Za-z0-9][-A-Za-z0-9_./]*$/;

function typesIssues({ name, types = [] }: SecretConfig): ConfigIssue[] {
  if (name !== undefined && types.length > 0) {
    return [
      { path: 'types', message: `cannot stand beside name ("${name}"); a named Secret counts whatever its type` },
    ];
  }
  if (types.includes('*') && types.length > 1) {
    return [{ path: 'types', message: '"*" means all types; remove the others, or remove "*"' }];
  }
  return types.flatMap((type, index) => {
    if (type === '*' || TYPE.test(type)) return [];
    const message = `"${type}" is not a type of Secrets; write it as kubectl get secrets shows it, e.g. Opaque or kubernetes.io/tls`;
    return [{ path: `types[${index}]`, message }];
  });
}
