import {
  type CheckpointStore,
  isTriggerError,
  type Journal,
  PacedJournal,
  type RuleIdentity,
  toTriggerError,
  TriggerError,
} from '@kube-trigger/core';
import type { KubeClient } from '@kube-trigger/kube';
import type { SchedulerLike } from 'rxjs';
import { CheckpointReader, type StoredCheckpoint } from './checkpoint-reader.js';
import { CheckpointShards } from './checkpoint-shards.js';

export interface ClusterCheckpointOptions {
  readonly kube: KubeClient;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  /** Names this process among writers; another process's write ends this one's (`KT_CHECKPOINT_CONFLICT`). */
  readonly writer: string;
  readonly onError?: (rule: RuleIdentity, error: TriggerError | undefined) => void;
}

/**
 * Keeps each rule's records in TriggerCheckpoint objects beside the rule, owned by it: `<rule>-<uid>-<n>`, as many as its keys need.
 * A rule writes at most once a second, after a quiet time up to three times at once; what belongs together is counted once. Every write names
 * the resourceVersion it follows, so that of two processes that both believe to be the leader only one gets through.
 */
export class ClusterCheckpointStore implements CheckpointStore {
  readonly #reader: CheckpointReader;
  #opened = 0;

  constructor(private readonly options: ClusterCheckpointOptions) {
    this.#reader = new CheckpointReader(options.kube);
  }

  async open(rule: RuleIdentity): Promise<Journal> {
    const { kube, scheduler, random, onError } = this.options;
    // Numbered, so that a journal which was not closed yet is fenced off by a later one of the same process, too.
    this.#opened += 1;
    const shards = new CheckpointShards({ kube, rule, writer: `${this.options.writer}.${this.#opened}` });
    const stored = shards.load(await this.#read(rule));
    return new PacedJournal({
      stored,
      scheduler,
      random,
      // A new rule writes its inventory and that it is complete; the first change must not wait for its turn behind these.
      burst: 3,
      write: (dirty, first) => shards.write(dirty, first),
      ...(onError === undefined ? {} : { onError: (error: TriggerError | undefined) => onError(rule, error) }),
    });
  }

  async #read(rule: RuleIdentity): Promise<readonly StoredCheckpoint[]> {
    try {
      return await this.#reader.read(rule);
    } catch (thrown) {
      const error = toTriggerError(thrown);
      const fix = isTriggerError(thrown) ? error.fix : undefined;
      throw new TriggerError('KT_CHECKPOINT_UNAVAILABLE', `the checkpoint cannot be read: ${error.message}`, {
        cause: thrown,
        ...(fix === undefined ? {} : { fix }),
      });
    }
  }
}
