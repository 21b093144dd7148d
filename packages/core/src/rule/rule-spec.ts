import { type Static, Type } from 'typebox';
import { ObjectName, StringEnum } from '../contract/schema.js';

/** A list item whose one non-reserved key names a plugin: checked by `compileRule`, since it depends on what is installed. */
const Item = (description: string) => Type.Record(Type.String(), Type.Unknown(), { description });

/** How often and how fast a failed action is repeated. */
export const RetrySpec = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'Repetitions after the first attempt. Default: without end for actions that bring a target to a state (updatePodTemplate), 10 for those that report an event.',
      }),
    ),
    initialDelaySeconds: Type.Number({
      default: 1,
      exclusiveMinimum: 0,
      maximum: 3600,
      description: 'Bound of the first delay; doubles each time.',
    }),
    maxDelaySeconds: Type.Number({
      default: 60,
      exclusiveMinimum: 0,
      maximum: 86_400,
      description: 'Bound of all delays.',
    }),
  },
  {
    additionalProperties: false,
    description: 'How a failed attempt is repeated: exponential backoff with full jitter.',
  },
);

/** Keys that may stand beside an item's plugin key. */
export const RESERVED_KEYS = {
  sources: {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 63, description: 'A name for status and explain.' })),
  },
  filters: {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 63, description: 'A name for status and explain.' })),
  },
  actions: {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 63, description: 'A name for status and explain.' })),
    retry: Type.Optional(RetrySpec),
    timeoutSeconds: Type.Optional(
      Type.Number({ minimum: 1, maximum: 3600, description: 'How long one attempt may take. Default 30.' }),
    ),
    onFailure: Type.Optional(
      StringEnum(['stop', 'continue'], {
        description: 'What a final failure means for the actions after this one. Default stop.',
      }),
    ),
  },
} as const;

/** `spec` of a TriggerRule, except for what the plugins define. */
export const RuleSpec = Type.Object(
  {
    suspend: Type.Boolean({
      default: false,
      description:
        'Nothing is done while true. What changed meanwhile is found and acted on once when it is false again.',
    }),
    onFirstSeen: StringEnum(['baseline', 'run'], {
      default: 'baseline',
      description:
        'What the first sight of a source means: baseline records what is there and waits for a change, run acts on all of it.',
    }),
    serviceAccountName: Type.Optional(
      ObjectName({
        description:
          "Service account of the rule's namespace that the rule watches and acts as. Default: what the operator was started with, else the operator's own.",
      }),
    ),
    sources: Type.Array(Item('One source: exactly one plugin key, and optionally `name`.'), {
      minItems: 1,
      maxItems: 64,
      description: 'What to watch; a change of any of them fires.',
    }),
    filters: Type.Array(Item('One filter: exactly one plugin key, and optionally `name`.'), {
      default: [],
      maxItems: 64,
      description: 'Each one passes, drops or defers a change, in order.',
    }),
    actions: Type.Array(
      Item('One action: exactly one plugin key, and optionally `name`, `retry`, `timeoutSeconds`, `onFailure`.'),
      { minItems: 1, maxItems: 64, description: 'What to do, in order.' },
    ),
    delivery: Type.Object(
      {
        concurrency: Type.Integer({
          default: 16,
          minimum: 1,
          maximum: 1000,
          description: 'Keys that are delivered at a time.',
        }),
        coalesce: Type.Object(
          {
            quietSeconds: Type.Optional(
              Type.Number({
                minimum: 0,
                maximum: 3600,
                description:
                  'They begin once no other change came for so long; 0 turns it off. Default: 1 where an action brings a target to a state (updatePodTemplate), else 0.',
              }),
            ),
            maxWaitSeconds: Type.Optional(
              Type.Number({
                minimum: 0,
                maximum: 86_400,
                description:
                  'But no later than this after the first of them. Default: 30, or quietSeconds where that is more.',
              }),
            ),
          },
          {
            default: {},
            additionalProperties: false,
            description:
              'Lets changes of several objects that come together begin together, so that they roll a target once.',
          },
        ),
        breaker: Type.Object(
          {
            limit: Type.Integer({ default: 100, minimum: 1, description: 'Actions on one target because of one key.' }),
            windowSeconds: Type.Integer({
              default: 60,
              minimum: 1,
              maximum: 86_400,
              description: 'The time they are counted in.',
            }),
          },
          {
            default: {},
            additionalProperties: false,
            description: 'Stops the rule when one key makes it act too often on one target.',
          },
        ),
      },
      { default: {}, additionalProperties: false, description: 'How deliveries are paced.' },
    ),
  },
  { additionalProperties: false },
);
export type RuleSpec = Static<typeof RuleSpec>;
