import { Default } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';

export const QueueConfig = Type.Object(
  {
    url: Type.String({
      pattern: '^https?://',
      maxLength: 1000,
      description: 'Of the queue; /messages comes after it.',
    }),
    waitSeconds: Default(
      Type.Integer({ minimum: 1, maximum: 60, description: 'How long one request waits for a message, in seconds.' }),
      20,
    ),
    batch: Default(
      Type.Integer({ minimum: 1, maximum: 100, description: 'Messages that one request takes at most.' }),
      10,
    ),
  },
  { additionalProperties: false },
);
export type QueueConfig = Static<typeof QueueConfig>;
