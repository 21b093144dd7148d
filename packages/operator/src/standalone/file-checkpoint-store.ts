import { open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type CheckpointStore,
  type Journal,
  PacedJournal,
  type RuleIdentity,
  toTriggerError,
  TriggerError,
} from '@kube-trigger/core';
import type { SchedulerLike } from 'rxjs';

interface Options {
  readonly file: string;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
}

type Records = Map<string, string>;

/**
 * Keeps all rules' records in one file, which is replaced as a whole (written beside, synced, renamed): a crash leaves the old or the new one.
 * A file that somebody else wrote since ends this store for good: two processes on one file would act twice. A file that is deleted
 * while it is used is written again; to start from a new baseline, delete it while nothing runs.
 */
export class FileCheckpointStore implements CheckpointStore {
  /** Told of each failed write of a rule, and with no error of the first good one after it. */
  onError: ((rule: RuleIdentity, error: TriggerError | undefined) => void) | undefined;
  readonly #rules = new Map<string, Records>();
  #version: string | undefined;
  #lost: TriggerError | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(private readonly options: Options) {}

  /** Rejects, naming the file and the fix, when it is there and cannot be read. */
  static async load(options: Options): Promise<FileCheckpointStore> {
    const store = new FileCheckpointStore(options);
    await store.#load();
    return store;
  }

  open(rule: RuleIdentity): Promise<Journal> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const { scheduler, random } = this.options;
    const records: Records = this.#rules.get(rule.uid) ?? new Map<string, string>();
    this.#rules.set(rule.uid, records);
    return Promise.resolve(
      new PacedJournal({
        stored: new Map(records),
        scheduler,
        random,
        burst: 3,
        write: async (dirty) => {
          for (const [record, value] of dirty)
            if (value === null) records.delete(record);
            else records.set(record, value);
          await this.#save();
          return dirty.keys();
        },
        onError: (error) => this.onError?.(rule, error),
      }),
    );
  }

  /** Forgets the rules that are not among these: with the next write. */
  retain(uids: ReadonlySet<string>): void {
    for (const uid of this.#rules.keys()) if (!uids.has(uid)) this.#rules.delete(uid);
  }

  async #load(): Promise<void> {
    const { file } = this.options;
    try {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return;
      const { rules } = JSON.parse(text) as { rules: Record<string, Record<string, string>> };
      for (const [uid, records] of Object.entries(rules)) this.#rules.set(uid, new Map(Object.entries(records)));
      this.#version = await versionOf(file);
    } catch (thrown) {
      const why = toTriggerError(thrown).message;
      throw new TriggerError('KT_CHECKPOINT_UNAVAILABLE', `the checkpoint ${file} cannot be read: ${why}`, {
        cause: thrown,
        fix: 'Make it readable, or move it away: then every rule starts from a new baseline',
      });
    }
  }

  /** One after the other; rules that ask meanwhile are in the next one. */
  #save(): Promise<void> {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#replace());
    return this.#writing;
  }

  async #replace(): Promise<void> {
    const { file } = this.options;
    if (this.#lost !== undefined) throw this.#lost;
    try {
      const present = await versionOf(file);
      if (present !== undefined && present !== this.#version) throw this.#fence();
      const beside = `${file}.new`;
      await writeSynced(beside, this.#text());
      await rename(beside, file);
      await syncFolder(dirname(file));
      this.#version = await versionOf(file);
    } catch (thrown) {
      if (thrown === this.#lost) throw thrown;
      const why = toTriggerError(thrown).message;
      throw new TriggerError('KT_CHECKPOINT_UNAVAILABLE', `the checkpoint ${file} cannot be written: ${why}`, {
        cause: thrown,
      });
    }
  }

  #fence(): TriggerError {
    const message = `${this.options.file} was written by another process`;
    this.#lost = new TriggerError('KT_CHECKPOINT_CONFLICT', message, {
      retry: 'never',
      fix: 'Give each process a checkpoint of its own, then start this one again',
    });
    return this.#lost;
  }

  #text(): string {
    const rules = Object.fromEntries([...this.#rules].map(([uid, records]) => [uid, Object.fromEntries(records)]));
    return `${JSON.stringify({ version: 1, rules })}\n`;
  }
}

/** Changes with every replacement. */
async function versionOf(file: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs } = await stat(file, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Readable by its owner only: digests, but nobody else's business. */
async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
