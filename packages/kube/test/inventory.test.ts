import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../src/index.js';
import { Inventory, type InventoryEvent } from '../src/watch/inventory.js';

const names = ['a', 'b', 'c', 'd'];
const world = fc.dictionary(
  fc.constantFrom(...names),
  fc.record({ uid: fc.constantFrom('u1', 'u2'), version: fc.integer({ min: 1, max: 5 }) }),
  { noNullPrototype: true },
);
type World = Record<string, { uid: string; version: number }>;

function objectsOf(state: World): KubeObject[] {
  return Object.entries(state).map(([name, { uid, version }]) => ({
    metadata: { namespace: 'n', name, uid, resourceVersion: String(version) },
  }));
}

/** What a consumer believes, who only hears the events. */
class Believer {
  readonly believed = new Map<string, string>();
  events = 0;

  readonly hear = (event: InventoryEvent<string>): void => {
    this.events += 1;
    if (event.type === 'present') this.believed.set(event.name, event.value);
    if (event.type === 'absent') {
      if (!this.believed.delete(event.name))
        throw new Error(`${event.name} is absent, but was never said to be present`);
    }
  };
}

function list(inventory: Inventory<string>, state: World): void {
  inventory.beginList();
  for (const object of objectsOf(state)) inventory.present(object);
  inventory.endList();
}

const project = { id: 'p', of: ({ metadata }: KubeObject) => `${metadata.uid}/${metadata.resourceVersion}` };

describe('Inventory', () => {
  it('leads a consumer from any world to any other with the fewest events', () => {
    fc.assert(
      fc.property(fc.array(world, { minLength: 1, maxLength: 6 }), (worlds) => {
        const believer = new Believer();
        const inventory = new Inventory(project, believer.hear);
        for (const [index, state] of worlds.entries()) {
          const before = worlds[index - 1] ?? {};
          const heard = believer.events;
          list(inventory, state);
          const wanted = Object.entries(state).map(([name, { uid, version }]) => [name, `${uid}/${version}`]);
          expect(Object.fromEntries(believer.believed)).toEqual(Object.fromEntries(wanted));
          const least = names.reduce((sum, name) => sum + eventsBetween(before[name], state[name]), 0);
          expect(believer.events - heard).toBe(least);
          expect(inventory.size).toBe(wanted.length);
        }
      }),
    );
  });

  it('a list that is begun anew midway forgets nothing and repeats nothing', () => {
    const believer = new Believer();
    const inventory = new Inventory(project, believer.hear);
    const objects = objectsOf({ a: { uid: 'u', version: 1 }, b: { uid: 'u', version: 1 } });
    inventory.beginList();
    for (const object of objects.slice(0, 1)) inventory.present(object);
    inventory.beginList();
    for (const object of objects.toReversed()) inventory.present(object);
    inventory.endList();
    expect(believer.events).toBe(2);
    expect(inventory.size).toBe(2);
  });
});

function eventsBetween(before: World[string] | undefined, after: World[string] | undefined): number {
  if (before === undefined) return after === undefined ? 0 : 1;
  if (after === undefined) return 1;
  if (before.uid !== after.uid) return 2;
  return before.version === after.version ? 0 : 1;
}
