import type { RuleIdentity } from '@kube-trigger/core';
import type { KubeClient, KubeObject } from '@kube-trigger/kube';
import { RULE_UID_LABEL, TRIGGER_CHECKPOINT } from '../api/resources.js';
import type { CheckpointObject } from './checkpoint-shards.js';

export type StoredCheckpoint = CheckpointObject & KubeObject;

interface Wish {
  readonly uid: string;
  readonly found: StoredCheckpoint[];
  readonly resolve: (found: readonly StoredCheckpoint[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Fewer rules than this are asked for one by one. */
const TOGETHER = 4;

/**
 * Reads the checkpoints of rules. An API server looks through all objects of a namespace for those with a label, so at the start of many
 * rules it is asked for all of them once, page by page: whoever asks while a namespace is being read is in the next reading of it.
 */
export class CheckpointReader {
  readonly #wishes = new Map<string, Wish[]>();
  readonly #reading = new Set<string>();

  constructor(private readonly kube: KubeClient) {}

  /** What is stored at some time after this call. Rejects as the client does. */
  read({ namespace, uid }: RuleIdentity): Promise<readonly StoredCheckpoint[]> {
    return new Promise((resolve, reject) => {
      const wishes = this.#wishes.get(namespace) ?? [];
      this.#wishes.set(namespace, wishes);
      wishes.push({ uid, found: [], resolve, reject });
      if (this.#reading.has(namespace)) return;
      this.#reading.add(namespace);
      void this.#readAll(namespace);
    });
  }

  async #readAll(namespace: string): Promise<void> {
    // Those who ask in the same turn are in the first reading.
    await Promise.resolve();
    for (let wishes = this.#take(namespace); wishes !== undefined; wishes = this.#take(namespace)) {
      await (wishes.length < TOGETHER ? this.#each(namespace, wishes) : this.#together(namespace, wishes));
    }
    this.#reading.delete(namespace);
  }

  #take(namespace: string): readonly Wish[] | undefined {
    const wishes = this.#wishes.get(namespace);
    this.#wishes.delete(namespace);
    return wishes;
  }

  async #each(namespace: string, wishes: readonly Wish[]): Promise<void> {
    const list = ({ uid, resolve, reject }: Wish) =>
      this.kube
        .list<StoredCheckpoint>(TRIGGER_CHECKPOINT, { namespace, labelSelector: `${RULE_UID_LABEL}=${uid}` })
        .then(resolve, reject);
    await Promise.all(wishes.map(list));
  }

  async #together(namespace: string, wishes: readonly Wish[]): Promise<void> {
    const byRule = new Map<string, Wish[]>();
    for (const wish of wishes) byRule.set(wish.uid, [...(byRule.get(wish.uid) ?? []), wish]);
    try {
      for await (const { items } of this.kube.pages<StoredCheckpoint>(TRIGGER_CHECKPOINT, { namespace })) {
        for (const item of items) {
          const uid = item.metadata.labels?.[RULE_UID_LABEL] ?? '';
          for (const { found } of byRule.get(uid) ?? []) found.push(item);
        }
      }
      for (const { resolve, found } of wishes) resolve(found);
    } catch (error) {
      for (const { reject } of wishes) reject(error);
    }
  }
}
