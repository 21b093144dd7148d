import type { Pointing } from './pointing.js';

/** A delivery that has a target to point to its snapshot. */
export interface Member {
  readonly pointing: Pointing;
  /** Set by another delivery whose patch pointed this one's references too: the object that this one was for. */
  carriedBy: string | undefined;
  leave(): void;
}

/**
 * Who else is about to patch the same target for the same rule: changes that begin together (see the rule's `delivery.coalesce`) go into one patch,
 * whichever delivery comes first.
 */
export class Company {
  readonly #meetings = new Map<string, Set<Member>>();

  join(meeting: string, pointing: Pointing): Member {
    const members = this.#meetings.get(meeting) ?? new Set();
    this.#meetings.set(meeting, members);
    const member: Member = {
      pointing,
      carriedBy: undefined,
      leave: () => {
        members.delete(member);
        if (members.size === 0 && this.#meetings.get(meeting) === members) this.#meetings.delete(meeting);
      },
    };
    members.add(member);
    return member;
  }

  /**
   * Everybody there, with the snapshots that they need: those too who come while others' are made. Who has none (it failed, or there is
   * nothing to copy) says so in its own turn.
   */
  async gather(meeting: string): Promise<ReadonlyMap<Member, string>> {
    const asked = new Map<Member, string | undefined>();
    for (;;) {
      const others = [...(this.#meetings.get(meeting) ?? [])].filter((member) => !asked.has(member));
      if (others.length === 0) break;
      await Promise.all(
        others.map(async (member) => asked.set(member, await member.pointing.snapshot().catch(() => undefined))),
      );
    }
    const there = this.#meetings.get(meeting);
    const ready = [...asked].filter(([member, name]) => name !== undefined && there?.has(member) === true);
    return new Map(ready as [Member, string][]);
  }

  get size(): number {
    return this.#meetings.size;
  }
}
