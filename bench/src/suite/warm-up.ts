import type { Controller } from './controller.js';
import type { Fixture } from './fixture.js';
import type { Observer } from './observer.js';
import type { Stage } from './stage.js';

/** How long a controller gets to start working. */
const WITHIN_MS = 120_000;
/** How long its rules get to be Ready: with 10,000 of them there are 50,000 requests before that. */
const READY_WITHIN_MS = 900_000;
/** A peer that was not there yet when the change was made may never notice it: then another is made. */
const AGAIN_AFTER_MS = 5000;

export interface WarmUp {
  readonly controller: Controller;
  readonly fixture: Fixture;
  readonly observer: Observer;
  /** The ConfigMap that is changed. */
  readonly source: string;
  /** How many workloads roll for it. Default 1. */
  readonly rolls?: number;
}

/** Above every state that a scenario writes. */
const FIRST_STATE = 900_000_000;

/**
 * Resolves once the controller answers a change of `source` by all its rolls and has gone quiet: what it makes once (connections, caches,
 * compiled code) is made. Rules, where there are any, are Ready before that. Rejects when it ends, and after two minutes.
 */
export async function warmUp(
  stage: Stage,
  { controller, fixture, observer, source, rolls = 1 }: WarmUp,
): Promise<void> {
  if (stage.against === undefined) await fixture.rulesReady(READY_WITHIN_MS, () => controller.usage());
  const deadline = performance.now() + WITHIN_MS;
  for (let state = FIRST_STATE; performance.now() < deadline; state += 1) {
    const expected = observer.rolls + rolls;
    await fixture.write(source, state);
    await observer.until(() => observer.rolls >= expected, AGAIN_AFTER_MS);
    if (observer.rolls >= expected) return;
    controller.usage(); // throws, with its log, when it has ended
  }
  throw new Error(`the controller does not answer a change of ConfigMap ${source}`);
}
