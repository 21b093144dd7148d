import {
  openSource,
  type Source,
  type SourceEvent,
  type SourcePlugin,
  type Making,
  type TriggerError,
} from '@kube-trigger/core';
import { finalize, type Observable } from 'rxjs';
import { eventually } from '../eventually.js';
import { type FakeContext, fakeContext } from './fake-context.js';
import { type Collaborators, makeInstance } from './make-instance.js';
import { type AnyPlugin, configOf } from './plugin-contract.js';
import type { RecordingKubeClient } from './recording-kube-client.js';
import { SourceListener } from './source-listener.js';

/** The outside of a source in one test. Made anew for each. For a level source at least one key exists from the start. */
export interface SourceWorld extends Collaborators {
  /** The plugin's config as it stands in a rule. */
  readonly config: unknown;
  /** Default: `fakeContext()`. */
  readonly context?: FakeContext;
  /** Makes the source have something new to say: another state of a key, another occurrence. Called several times. */
  change(): void | Promise<void>;
  /** How much of the outside the source holds: watches, requests, timers, sockets, listeners. 0 when it holds nothing. */
  held(): number;
  /** Makes the source unable to see, as when access is withdrawn. Left out where that cannot happen. */
  blind?(): void | Promise<void>;
  /** Lets it see again. Needed with `blind`. */
  heal?(): void | Promise<void>;
  /** Makes a collaborator throw, synchronously, whatever it is asked. */
  sabotage?(): void;
  /** Texts of the outside that must not come out of the source: contents, credentials. */
  readonly contents?: readonly string[];
  /** The client that `register` registers: what is asked of it is held against `plugin.rbac`. */
  readonly kube?: RecordingKubeClient;
  dispose?(): void | Promise<void>;
}

/** One world, the source in it, and whoever listens. */
export class SourceHarness {
  readonly source: Source;
  readonly config: unknown;
  readonly context: FakeContext;
  readonly #listeners: SourceListener[] = [];

  constructor(
    readonly plugin: AnyPlugin & Pick<SourcePlugin, 'objects'> & Making<Source>,
    readonly world: SourceWorld,
    private readonly timeoutMs = 5000,
  ) {
    this.source = makeInstance<Source>(plugin, world);
    this.config = configOf(plugin, world.config);
    this.context = world.context ?? fakeContext();
  }

  /** As an Observable, whichever of the two it is. What `open` throws comes out of here. */
  open(): Observable<SourceEvent> {
    const { source, config, context } = this;
    const closing = new AbortController();
    const opened = source.open(config, { ...context, signal: closing.signal });
    return openSource({ source: { open: () => opened }, config, context }).pipe(finalize(() => closing.abort()));
  }

  listen(): SourceListener {
    const listener = new SourceListener(this.open());
    this.#listeners.push(listener);
    return listener;
  }

  /** Waits until `fn` returns something; fails saying `because`. */
  until<T>(fn: () => T, because: string): Promise<Exclude<T, undefined | null | false>> {
    return eventually(fn, { timeoutMs: this.timeoutMs, because });
  }

  /** Listens and waits for `synced`. */
  async synced(): Promise<SourceListener> {
    const listener = this.listen();
    await this.until(() => listener.said.includes('synced'), 'no synced');
    return listener;
  }

  /** Makes a change and waits until this listener has heard of it. */
  async change(listener: SourceListener): Promise<SourceEvent[]> {
    const before = listener.events.length;
    await this.world.change();
    await this.until(() => listener.events.length > before, 'the change was not said');
    return listener.events.slice(before);
  }

  async released(): Promise<void> {
    await this.until(() => this.world.held() === 0, 'something is still held');
  }

  async dispose(): Promise<void> {
    for (const listener of this.#listeners) listener[Symbol.dispose]();
    await this.world.dispose?.();
  }
}

/** The first error that was said after `from` events, or what ended the subscription. */
export function errorOf(listener: SourceListener, from: number): unknown {
  const degraded = listener.events.slice(from).find(({ change }) => change === 'degraded');
  return listener.error ?? (degraded as { error: TriggerError } | undefined)?.error;
}

/** The last state of every key. */
export function stateOf(events: readonly SourceEvent[]): Record<string, string> {
  const state = new Map<string, string>();
  for (const event of events) {
    if (event.change === 'present') state.set(event.key, event.revision);
    else if (event.change === 'absent') state.delete(event.key);
  }
  return Object.fromEntries(state);
}
