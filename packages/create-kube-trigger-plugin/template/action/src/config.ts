import { Default } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';

/** What a rule may say: types, defaults, validation, definition and the table of the README follow from it. */
export const MySampleConfig = Type.Object(
  {
    url: Type.String({ pattern: '^https?://', maxLength: 2000, description: 'Where the message is posted to.' }),
    text: Default(Type.String({ minLength: 1, maxLength: 2000, description: 'What it says.' }), 'something changed'),
  },
  { additionalProperties: false },
);
export type MySampleConfig = Static<typeof MySampleConfig>;
