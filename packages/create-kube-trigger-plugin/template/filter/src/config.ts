import { type Static, Type } from 'typebox';

/** What a rule may say: types, defaults, validation, definition and the table of the README follow from it. */
export const MySampleConfig = Type.Object(
  {
    keys: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Data keys of which one must have changed.',
    }),
  },
  { additionalProperties: false },
);
export type MySampleConfig = Static<typeof MySampleConfig>;
