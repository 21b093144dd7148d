import type { StructuralSchema } from './structural-schema.js';

const text = (description: string): StructuralSchema => ({ type: 'string', description });
const time = (description: string): StructuralSchema => ({ type: 'string', format: 'date-time', description });
const count = (description: string): StructuralSchema => ({ type: 'integer', format: 'int64', description });
const list = (description: string, properties: Record<string, StructuralSchema>): StructuralSchema => ({
  type: 'array',
  description,
  items: { type: 'object', properties },
});

/** `status` of a TriggerRule; the TypeScript side is `RuleStatus`. */
export const RULE_STATUS_SCHEMA: StructuralSchema = {
  type: 'object',
  description: 'Written by the operator.',
  properties: {
    observedGeneration: count('The generation that this status speaks of.'),
    acceptedGeneration: count(
      'The last generation that was valid. It goes on when a newer plugin finds something wrong with it.',
    ),
    conditions: list('Accepted, Ready and Stalled, by the conventions that kubectl wait and GitOps tools read.', {
      type: text('Accepted, Ready or Stalled.'),
      status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether it holds.' },
      observedGeneration: count('The generation that it was found for.'),
      lastTransitionTime: time('When status last changed.'),
      reason: text('One CamelCase word.'),
      message: text('What is the matter and what to do.'),
    }),
    lastFired: time('When an event last reached the actions.'),
    lastResult: text('Done, Unchanged or Failed: how that ended.'),
    sources: list('By source.', {
      name: text('Its name in the rule.'),
      state: text('Opening, Synced, Degraded or Suspended.'),
      keys: count('How many keys it has.'),
      lastEvent: time('When a change of it was last noticed.'),
      message: text('Why it is degraded.'),
    }),
    actions: list('By action.', {
      name: text('Its name in the rule.'),
      lastResult: text('Done, Unchanged, Failed, Skipped, Retrying or Waiting.'),
      reason: text('The error code of the last failure.'),
      message: text('The last failure, or what it waits for.'),
      nextAttempt: time('When a failed attempt is repeated, or a waiting one looks again.'),
      targets: list('How it last ended for each target: those that failed first, then the latest; twenty at most.', {
        target: text('What was acted on.'),
        result: text('Done, Unchanged or Failed.'),
        message: text('Why nothing was done, why it failed, or how far it is.'),
        time: time('When this was found.'),
      }),
    }),
    counters: {
      type: 'object',
      description: 'Since the rule was made.',
      properties: {
        done: count('Events whose actions changed something.'),
        unchanged: count('Events whose actions found everything in place.'),
        failed: count('Events that were given up.'),
        dropped: count('Events that a filter dropped.'),
      },
    },
    underWay: count('Keys whose changes wait for their delivery or are in it.'),
    pending: list('The first ten keys under way.', {
      source: text('The source, by its name in the rule.'),
      key: text('What it is about.'),
      since: time('Since when it waits.'),
      state: text('Deferred (by a filter), Retrying or Waiting (an action), Held (the breaker) or Delivering.'),
      by: text('The filter, source or action that holds it up.'),
      because: text('Why.'),
      until: time('When it is looked at again.'),
    }),
    deadLetters: list('Events that were given up, the latest ten. `kube-trigger retry` delivers them again.', {
      time: time('When it was given up.'),
      key: text('What it was about.'),
      reason: text('The error code.'),
      message: text('The last failure.'),
    }),
    history: list('The last ten events.', {
      time: time('When it ended.'),
      source: text('The source, by its name in the rule.'),
      key: text('What it was about.'),
      change: text('created, updated, deleted or occurred.'),
      changedKeys: { type: 'array', items: { type: 'string' }, description: 'What changed in it, at most ten names.' },
      result: text('Done, Unchanged, Failed or Dropped.'),
      manualBy: text('Who asked for it by hand (kube-trigger fire), by their own word.'),
      because: text('Which filter dropped it and why, or the last failure.'),
      tookSeconds: { type: 'number', description: 'From when the change was noticed to its end.' },
      gates: list('Filters that did not let it pass at once.', {
        name: text('The filter, or the source whose own gate it was.'),
        verdict: text('Deferred or Dropped.'),
        because: text('Why.'),
      }),
      actions: list('How each action ended.', {
        name: text('Its name in the rule.'),
        result: text('Done, Unchanged, Failed or Skipped.'),
        attempts: count('How often it was tried.'),
        targets: count('How many targets it answered for.'),
        because: text('The last failure.'),
      }),
    }),
    tripped: text('Why the breaker stopped the rule.'),
    handled: {
      type: 'object',
      description: 'The annotations that were acted on, so that one which is set while no operator runs is not missed.',
      properties: {
        retry: text('The value of app.example.com/retry.'),
        resume: text('The value of app.example.com/resume.'),
        fire: text('The value of app.example.com/fire.'),
      },
    },
  },
};
