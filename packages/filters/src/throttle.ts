import { type Filter, type FilterContext, PASS, type TriggerEvent, type Verdict } from '@kube-trigger/core';
import { injectable } from 'tsyringe';
import { type Static, Type } from 'typebox';
import { type Asking, Slots } from './slots.js';

export const ThrottleConfig = Type.Object(
  {
    limit: Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'So many changes of the rule may pass, of all its objects together.',
    }),
    periodSeconds: Type.Integer({
      minimum: 1,
      maximum: 2_678_400,
      description: 'In any stretch of so many seconds. The others wait for their turn.',
    }),
  },
  { additionalProperties: false, description: 'Lets so many changes pass in a time, the others later.' },
);
export type ThrottleConfig = Static<typeof ThrottleConfig>;

/** Defers what is too much. Nothing is lost, and a newer state of an object takes the turn of the one that it replaces. */
@injectable()
export class ThrottleFilter implements Filter<ThrottleConfig> {
  readonly #slots = new WeakMap<ThrottleConfig, Slots>();

  decide(config: ThrottleConfig, event: TriggerEvent, { scheduler }: FilterContext): Verdict {
    const { limit, periodSeconds } = config;
    let slots = this.#slots.get(config);
    if (slots === undefined) {
      slots = new Slots({ limit, periodMs: periodSeconds * 1000 });
      this.#slots.set(config, slots);
    }
    const deferUntilMs = slots.ask(askingFor(event), scheduler.now());
    return deferUntilMs === undefined ? PASS : { deferUntilMs, because: `at most ${limit} in ${periodSeconds} s` };
  }
}

/** States of one object replace one another while they wait; occurrences queue up. */
function askingFor({ source, key, change, revision, waitingSinceMs }: TriggerEvent): Asking {
  const about = `${source}\n${key}`;
  if (change === 'occurred') return { waiter: `${about}\n${revision}`, delivery: `${about}\n${revision}` };
  return { waiter: about, delivery: `${about}\n${waitingSinceMs}` };
}
