import {
  type ActionContext,
  type ActionWaiting,
  type Delivery,
  isTriggerError,
  TriggerError,
} from '@kube-trigger/core';
import type { KubeClient } from '../client.js';
import { Answered } from './answered.js';
import { contentDigests, type ContentDigests } from './content-digests.js';
import { each } from './each.js';
import { fileDigests } from './file-digests.js';
import type { MountOption } from './mount-option.js';
import { type Mountable, mountableOf, type MountedIn, mountsOf, nameOf } from './mounted-files.js';
import type { Pod } from './ready-pods.js';

export interface MountQuestion {
  readonly pods: readonly Pod[];
  /** The container whose process reads the files, where that is known. */
  readonly readerOf?: (pod: Pod) => string | undefined;
  readonly delivery: Delivery;
  readonly context: ActionContext;
}

/** Wait; or act, but not in those pods, and why not. */
export type MountAnswer = { readonly waiting: ActionWaiting } | { readonly blind: ReadonlyMap<Pod, TriggerError> };

const NOBODY: MountAnswer = { blind: new Map() };
const NO_CONTENT: ContentDigests = new Map();

/** Pods that are looked into at the same time. */
const PARALLEL = 8;
/** The kubelet looks after each pod once a minute or so, and its cache of objects is another minute old: what takes longer is not normal. */
const PATIENCE_MS = 300_000;
const SOONEST_MS = 2000;
const LATEST_MS = 10_000;
/** The pod or its container has just ended, or its node did not answer: the next look is at those that are there then. */
const NOT_NOW = ['KT_KUBE_INVALID', 'KT_KUBE_NOT_FOUND', 'KT_KUBE_EXEC_FAILED', 'KT_KUBE_EXEC_LOST'];
/** Over all pods that are looked into again. */
const LOOKS_PER_SECOND = 10;

/**
 * Whether pods see what they should, by comparing the files in them with the object as it is now. It decides nothing by memory: which pods
 * saw it already is remembered only to spare them the next look, so a restart is one more look.
 *
 * All pods are waited for, so that they change together. After five minutes those that see it are acted on, and the others are errors.
 */
export class MountWatch {
  readonly #seen = new Answered();

  constructor(private readonly kube: Pick<KubeClient, 'get' | 'exec'>) {}

  /** Also where nothing is asked for, and for events about what is not mounted: then nobody waits. */
  async ask(option: MountOption | undefined, question: MountQuestion): Promise<MountAnswer> {
    const object = mountableOf(question.delivery.event);
    if (option === undefined || object === undefined) return NOBODY;
    return option.afterSeconds === undefined
      ? this.#look(object, question)
      : restOf(option.afterSeconds, object, question);
  }

  async #look(object: Mountable, question: MountQuestion): Promise<MountAnswer> {
    const { pods, delivery, context } = question;
    // Of another namespace's object nothing is read: whoever named it by hand would learn whether it exists.
    const isNear = pods.some(({ metadata }) => metadata.namespace === object.namespace);
    const content = isNear ? await contentDigests(this.kube, object, context) : NO_CONTENT;
    if (content === undefined) return NOBODY;
    const blind = new Map<Pod, TriggerError>();
    const behind: Pod[] = [];
    const asked = { object, content, question };
    await each(pods, PARALLEL, async (pod) => {
      const found = await this.#lookInto(pod, asked);
      if (found === 'behind') behind.push(pod);
      else if (found !== 'seen') blind.set(pod, found);
    });
    if (behind.length === 0) return { blind };
    const ageMs = context.scheduler.now() - delivery.event.observedAtMs;
    if (ageMs < PATIENCE_MS) return { waiting: waitingFor(behind, object, ageMs) };
    for (const pod of behind) blind.set(pod, stale(object));
    return { blind };
  }

  async #lookInto(pod: Pod, asked: Asked): Promise<'seen' | 'behind' | TriggerError> {
    const { delivery, readerOf } = asked.question;
    const id = pod.metadata.uid ?? pod.metadata.name ?? '';
    if (this.#seen.get(delivery.id, id) !== undefined) return 'seen';
    const mounts = mountsOf(pod, asked.object, readerOf?.(pod));
    if ('never' in mounts) return never(mounts.never);
    for (const mounted of mounts.containers) {
      const isSeen = await this.#isSeen(mounted, pod, asked);
      if (isSeen === undefined) continue;
      if (isSeen) this.#seen.set(delivery.id, id, { accepted: 'mounted' });
      return isSeen ? 'seen' : 'behind';
    }
    return unreadable(mounts.containers);
  }

  /** Undefined when the container has no means to tell. */
  async #isSeen(mounted: MountedIn, pod: Pod, asked: Asked): Promise<boolean | undefined> {
    const expected = expectedFiles(mounted, asked);
    const { namespace = '', name = '' } = pod.metadata;
    const { signal } = asked.question.context;
    const where = { kube: this.kube, namespace, pod: name, container: mounted.container, signal };
    try {
      const found = await fileDigests([...expected.keys()], where);
      return found && [...expected].every(([path, digest]) => found.get(path) === digest);
    } catch (thrown) {
      signal.throwIfAborted();
      if (isTriggerError(thrown) && NOT_NOW.includes(thrown.code)) return false;
      throw thrown;
    }
  }
}

function restOf(afterSeconds: number, object: Mountable, { delivery, context }: MountQuestion): MountAnswer {
  const restMs = delivery.event.observedAtMs + afterSeconds * 1000 - context.scheduler.now();
  if (restMs <= 0) return NOBODY;
  const because = `${afterSeconds} s have to go by until ${nameOf(object)} is mounted`;
  return { waiting: { outcome: 'waiting', targets: [], because, againAfterMs: restMs } };
}

interface Asked {
  readonly object: Mountable;
  readonly content: ContentDigests;
  readonly question: MountQuestion;
}

/**
 * Every file of the object, as the kubelet brings all of them up to date at once; undefined for one that should be gone. Not only what the
 * event says has changed: that is what differs from the rule's checkpoint, and in the words of its source.
 */
function expectedFiles({ pathsOf }: MountedIn, { content, question }: Asked): Map<string, string | undefined> {
  const files = new Map<string, string | undefined>();
  for (const key of question.delivery.event.changedKeys ?? []) {
    if (!content.has(key)) for (const path of pathsOf(key)) files.set(path, undefined);
  }
  for (const [key, digest] of content) for (const path of pathsOf(key)) files.set(path, digest);
  return files;
}

function waitingFor(behind: readonly Pod[], object: Mountable, ageMs: number): ActionWaiting {
  const [first] = behind.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  const { namespace = '', name = '' } = first?.metadata ?? {};
  const others = behind.length === 1 ? ' does not see' : ` and ${behind.length - 1} more do not see`;
  return {
    outcome: 'waiting',
    targets: [],
    because: `Pod/${namespace}/${name}${others} ${nameOf(object)} as it is now`,
    againAfterMs: Math.max(
      Math.min(LATEST_MS, Math.max(SOONEST_MS, ageMs / 10)),
      (behind.length / LOOKS_PER_SECOND) * 1000,
    ),
  };
}

function never(clause: string): TriggerError {
  return new TriggerError('KT_KUBE_MOUNT_NEVER', `${clause}, so it never sees a change`, {
    retry: 'never',
    fix: 'Mount it as a volume without subPath (environment variables do not change in a running pod either), use updatePodTemplate instead, or take waitForMount away',
  });
}

function unreadable(containers: readonly MountedIn[]): TriggerError {
  const names = containers.map(({ container }) => `"${container}"`).join(', ');
  return new TriggerError('KT_KUBE_MOUNT_UNREADABLE', `has no sha256sum in container ${names} to look with`, {
    retry: 'never',
    fix: 'Write waitForMount: {afterSeconds: 120} to wait without looking',
  });
}

function stale(object: Mountable): TriggerError {
  const after = `${PATIENCE_MS / 60_000} minutes after the change`;
  return new TriggerError('KT_KUBE_MOUNT_STALE', `does not see ${nameOf(object)} as it is now, ${after}`, {
    retry: 'backoff',
    fix: 'Look at the node and its kubelet; if the user of the container may not read the file, write waitForMount: {afterSeconds: 120}',
  });
}
