import type { ConfigIssue } from '@kube-trigger/core';
import { choiceIssues, choiceOptions, keysIssues, keysOption, ONE_CHOICE, onOption } from '@kube-trigger/kube';
import { type Static, Type } from 'typebox';

export const ConfigMapConfig = Type.Object(
  {
    ...choiceOptions('ConfigMap'),
    keys: keysOption('Which keys of data and binaryData are looked at.'),
    on: onOption(),
  },
  { additionalProperties: false, ...ONE_CHOICE, description: 'Fires when the data of ConfigMaps changes.' },
);
export type ConfigMapConfig = Static<typeof ConfigMapConfig>;

/** What the schema cannot say: a selector's grammar, globs that could match a key. */
export function validateConfigMap(config: ConfigMapConfig): ConfigIssue[] {
  return [...choiceIssues(config), ...keysIssues(config.keys)];
}
