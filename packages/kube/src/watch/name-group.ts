import type { Subscriber, Subscription } from 'rxjs';
import type { SchedulerLike } from 'rxjs';
import { sleep } from '../time.js';
import type { WatchEvent } from './contract.js';
import type { SharedWatch } from './shared-watch.js';
import { UNREAD } from './inventory.js';
import { isLater } from './versions.js';

export interface NameGroupParts<T> {
  /** More distinct names than this are served by one watch of the whole namespace, if that is allowed. */
  readonly limit: number;
  /** The shared watch of one name; or of all names, when `name` is left out. */
  shared(name?: string): SharedWatch<T>;
  /** May this identity list and watch the whole namespace? Rejects when the server does not say. */
  mayWatchAll(signal: AbortSignal): Promise<boolean>;
  readonly scheduler: SchedulerLike;
  readonly now: () => number;
  onEmpty(): void;
}

/** A refusal to watch the whole namespace is believed for this long. */
const REFUSED_MS = 300_000;
const CATCH_UP_MS = 500;

/**
 * The single-name watches of one resource, namespace and projection. Few names: a watch each, which sees nothing else and needs no
 * more rights than `resourceNames`. Many: one watch of the namespace, handed out by name through a Map, so that neither connections
 * nor the cost of an event grow with the number of names.
 *
 * A move in either direction is silent: every member knows the version it said last, and is moved only when the new watch has come at
 * least as far as the old one, so nothing is said twice, out of order or not at all. A group stays wide until its last member leaves.
 */
export class NameGroup<T> {
  readonly #members = new Map<string, Set<Member<T>>>();
  /** They joined while the wide watch could not tell what there is: they are told once it can. */
  readonly #waiting = new Set<Member<T>>();
  #wide: { readonly watch: SharedWatch<T>; readonly subscription: Subscription } | undefined;
  /** The wide watch has said everything: whoever had it before may have recalled what is needed here. */
  #wideSynced = false;
  #widening: AbortController | undefined;
  #refusedUntil = -Infinity;

  constructor(private readonly parts: NameGroupParts<T>) {}

  join(name: string, subscriber: Subscriber<WatchEvent<T>>): () => void {
    const member = new Member(name, subscriber);
    const others = this.#members.get(name);
    if (others === undefined) this.#members.set(name, new Set([member]));
    else others.add(member);
    if (this.#wide !== undefined) this.#adopt(member, this.#wide.watch);
    else if (this.#widening === undefined) {
      member.follow(this.parts.shared(name));
      this.#considerWidening();
    }
    // Else it waits for the answer: thousands that come together need no watch of their own in between.
    return () => this.#leave(member);
  }

  #adopt(member: Member<T>, watch: SharedWatch<T>): void {
    if (this.#wideSynced && !watch.doubted) return member.adopt(watch);
    this.#waiting.add(member);
    watch.confirm();
    if (watch.interruption !== undefined) member.heardWide({ type: 'interrupted', error: watch.interruption });
  }

  #leave(member: Member<T>): void {
    member.leave();
    this.#waiting.delete(member);
    const others = this.#members.get(member.name);
    others?.delete(member);
    if (others?.size === 0) this.#members.delete(member.name);
    if (this.#members.size > 0) return;
    this.#widening?.abort();
    this.#closeWide();
    this.parts.onEmpty();
  }

  #considerWidening(): void {
    if (this.#members.size <= this.parts.limit || this.#widening !== undefined || this.#wide !== undefined) return;
    if (this.parts.now() < this.#refusedUntil) return;
    const widening = new AbortController();
    this.#widening = widening;
    this.#widen(widening.signal)
      // Not allowed, not answered, or everyone left: all stay where they are.
      .catch(() => this.#refuse())
      .finally(() => {
        if (this.#widening === widening) this.#widening = undefined;
      });
  }

  async #widen(signal: AbortSignal): Promise<void> {
    if (!(await this.parts.mayWatchAll(signal))) return this.#refuse();
    signal.throwIfAborted();
    const watch = this.parts.shared();
    this.#wideSynced = false;
    this.#wide = { watch, subscription: watch.subscribe((event) => this.#hand(event)) };
    for (;;) {
      const waiting = this.#wideSynced ? this.#everyone().filter((member) => !member.tryMoveTo(watch)) : undefined;
      if (waiting?.length === 0) {
        this.#widening = undefined;
        return;
      }
      await sleep(CATCH_UP_MS, this.parts.scheduler, signal);
    }
  }

  #hand(event: WatchEvent<T>): void {
    if (event.type === 'present' || event.type === 'absent') {
      for (const member of this.#named(event.name)) if (!this.#waiting.has(member)) member.heardWide(event);
    } else if (event.type === 'synced') {
      this.#wideSynced = true;
      for (const member of this.#everyone()) this.#synced(member);
    } else if (event.type === 'interrupted' && event.error.code === 'KT_KUBE_FORBIDDEN') {
      this.#narrow();
    } else {
      for (const member of this.#everyone()) member.heardWide(event);
    }
  }

  #synced(member: Member<T>): void {
    const watch = this.#wide?.watch;
    if (!this.#waiting.has(member)) return member.heardWide({ type: 'synced' });
    if (watch === undefined || watch.doubted) return;
    this.#waiting.delete(member);
    member.adopt(watch);
  }

  /** The right to the whole namespace is gone; the rights to single names may still be there. */
  #narrow(): void {
    this.#widening?.abort();
    this.#closeWide();
    this.#refuse();
  }

  #refuse(): void {
    this.#refusedUntil = this.parts.now() + REFUSED_MS;
    this.#waiting.clear();
    for (const member of this.#everyone()) member.follow(this.parts.shared(member.name));
  }

  #closeWide(): void {
    const wide = this.#wide;
    this.#wide = undefined;
    wide?.subscription.unsubscribe();
  }

  // Copies: members come and go while events are handed out.
  #named(name: string): Member<T>[] {
    return Array.from(this.#members.get(name) ?? []);
  }

  #everyone(): Member<T>[] {
    return Array.from(this.#members.values(), (members) => Array.from(members)).flat();
  }
}

/** One subscriber of one name, and what it was told last. */
class Member<T> {
  #known: { readonly uid: string; readonly resourceVersion: string } | undefined;
  #synced = false;
  /** Whether the present source has said the object since it was attached. */
  #said = false;
  #single: { readonly watch: SharedWatch<T>; readonly subscription: Subscription } | undefined;

  constructor(
    readonly name: string,
    private readonly subscriber: Subscriber<WatchEvent<T>>,
  ) {}

  /** Listens to a watch of its own name. */
  follow(watch: SharedWatch<T>): void {
    if (this.#single !== undefined) return;
    this.#said = false;
    // Replays in the call: the source must be known to be single before that, and may be left within it.
    let left = false;
    const early = { watch, subscription: { unsubscribe: () => (left = true) } as unknown as Subscription };
    this.#single = early;
    const subscription = watch.subscribe((event) => this.#heard(event));
    if (left) subscription.unsubscribe();
    else this.#single = { watch, subscription };
  }

  /** Joins a wide watch, which has said everything, as a new subscriber. */
  adopt(watch: SharedWatch<T>): void {
    this.#compare(watch);
    if (watch.interruption === undefined) this.#heard({ type: 'synced' });
    else this.#heard({ type: 'interrupted', error: watch.interruption });
  }

  /** True when it listens to the wide watch now. */
  tryMoveTo(wide: SharedWatch<T>): boolean {
    if (this.#single === undefined) return true;
    const [from, to] = [this.#single.watch.position, wide.position];
    if (!wide.synced || to === undefined || (from !== undefined && from !== to && !isLater(to, from))) return false;
    const { subscription } = this.#single;
    this.#single = undefined;
    subscription.unsubscribe();
    this.#compare(wide);
    if (!this.#synced) this.#heard({ type: 'synced' });
    return true;
  }

  heardWide(event: WatchEvent<T>): void {
    if (this.#single === undefined) this.#heard(event);
  }

  leave(): void {
    this.#single?.subscription.unsubscribe();
    this.#single = undefined;
  }

  #compare(wide: SharedWatch<T>): void {
    const entry = wide.find(this.name);
    if (entry === undefined) this.#heard({ type: 'absent', namespace: wide.namespace, name: this.name });
    else if (entry.value !== UNREAD) {
      const { namespace, name, uid, resourceVersion, value } = entry;
      if (this.#known !== undefined && this.#known.uid !== uid) this.#heard({ type: 'absent', namespace, name });
      this.#heard({ type: 'present', namespace, name, uid, resourceVersion, value });
    }
  }

  #heard(event: WatchEvent<T>): void {
    if (event.type === 'present') {
      this.#said = true;
      const same = this.#known?.uid === event.uid && this.#known.resourceVersion === event.resourceVersion;
      this.#known = { uid: event.uid, resourceVersion: event.resourceVersion };
      if (same) return;
    } else if (event.type === 'absent') {
      if (this.#known === undefined) return;
      this.#known = undefined;
    } else {
      if (event.type === 'synced' && this.#single !== undefined && !this.#said && this.#known !== undefined) {
        this.#heard({ type: 'absent', namespace: this.#single.watch.namespace, name: this.name });
      }
      this.#synced = event.type === 'synced';
    }
    this.subscriber.next(event);
  }
}
