import { Default } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';

/** What a rule may say: types, defaults, validation, definition and the table of the README follow from it. */
export const MySampleConfig = Type.Object(
  {
    url: Type.String({ pattern: '^https?://', maxLength: 400, description: 'What is looked at.' }),
    everySeconds: Default(Type.Integer({ minimum: 1, maximum: 86_400, description: 'How often, in seconds.' }), 30),
  },
  { additionalProperties: false },
);
export type MySampleConfig = Static<typeof MySampleConfig>;
