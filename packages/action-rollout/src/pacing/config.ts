import { IntOrPercent, LabelSelector, StringEnum } from '@kube-trigger/core';
import { type Static, Type } from 'typebox';

const wholeSeconds = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800, description, examples: [600] }));

const Wave = Type.Object(
  {
    ...LabelSelector().properties,
    percent: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description:
          'The next so many percent of those that no wave names by labels, in the order of their names; rounded up.',
      }),
    ),
    count: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'The next so many of those that no wave names by labels, in the order of their names.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Wave = Static<typeof Wave>;

export const Pacing = Type.Object(
  {
    concurrency: Type.Optional(
      IntOrPercent({
        description:
          'Rollouts of a change that may be unfinished at a time, as a number or a percentage of its targets.',
        examples: [5, '20%'],
      }),
    ),
    minIntervalSeconds: wholeSeconds(
      'Time between two rollouts of one target by this rule. What changes meanwhile waits; the latest state is rolled.',
    ),
    waves: Type.Optional(
      Type.Array(Wave, {
        minItems: 1,
        maxItems: 32,
        description:
          'Who comes first: each wave begins after the one before it. Targets that no wave names are the last one.',
      }),
    ),
    progress: Type.Optional(
      StringEnum(['rollout', 'time'], {
        description:
          'What a wave waits for: rollout, that all rollouts of the one before are complete (the default), or time alone.',
      }),
    ),
    waveIntervalSeconds: wholeSeconds(
      'The next wave begins so long after the last rollout of one began, at the earliest.',
    ),
    progressDeadlineSeconds: wholeSeconds(
      "A rollout that comes no further for so long has failed. Default: a Deployment's own deadline; 600 for other kinds.",
    ),
    onFailure: Type.Optional(
      StringEnum(['stop', 'undo'], {
        description:
          'When a rollout fails: stop begins no others (the default); undo also rolls back those that are not complete.',
      }),
    ),
  },
  { additionalProperties: false, description: 'Rolls many targets little by little, and stops when a rollout fails.' },
);
export type Pacing = Static<typeof Pacing>;
