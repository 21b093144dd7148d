import { Default, ObjectName } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';

export const HelloConfig = Type.Object(
  {
    configMap: ObjectName({ description: 'The ConfigMap that is greeted, in the namespace of the rule.' }),
    greeting: Default(Type.String({ minLength: 1, maxLength: 200, description: 'What is written on it.' }), 'hello'),
  },
  { additionalProperties: false },
);
export type HelloConfig = Static<typeof HelloConfig>;
