import type { Delivery } from '@kube-trigger/core';

/** What this process knows of a delivery that has to wait in between. */
export interface Course {
  readonly id: string;
  /** Begun by this process: what it has not sent, nobody has. */
  readonly isOwn: boolean;
  /** Every combined revision that was rolled for it: that moves on with other keys' deliveries, and a target with any of them has this change. */
  readonly revisions: Set<string>;
  /** Targets whose rollout it began and that is not complete. */
  unfinished: ReadonlySet<string>;
}

/** The deliveries of one rule that are on their way, by what they are about. */
export class Deliveries {
  readonly #courses = new Map<string, Course>();

  get size(): number {
    return this.#courses.size;
  }

  /** A newer state of a key takes the place of the one before. */
  courseOf({ event, id, revision, redelivered }: Delivery): Course {
    const key = `${event.source}\n${event.key}`;
    const known = this.#courses.get(key);
    const course = known?.id === id ? known : newCourse(id, !redelivered);
    this.#courses.set(key, course);
    course.revisions.add(revision);
    return course;
  }

  end(course: Course): void {
    for (const [key, known] of this.#courses) if (known === course) this.#courses.delete(key);
  }

  /** How many rollouts of the rule are not complete, those of one delivery being `own`. */
  unfinished(course: Course, own: ReadonlySet<string>): number {
    const all = new Set(own);
    for (const other of this.#courses.values()) {
      if (other !== course) for (const target of other.unfinished) all.add(target);
    }
    return all.size;
  }
}

function newCourse(id: string, isOwn: boolean): Course {
  return { id, isOwn, revisions: new Set(), unfinished: new Set() };
}
