import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { RuleIdentity } from '../contract/context.js';
import { TriggerError } from '../contract/errors.js';
import { type CheckpointStore, type Journal, PacedJournal } from './journal.js';

export interface FileCheckpointOptions {
  readonly scheduler?: SchedulerLike;
  readonly random?: () => number;
  /** Told of each failed write, and with `undefined` of the first good one after it. */
  readonly onError?: (rule: RuleIdentity, error: TriggerError | undefined) => void;
}

/**
 * Keeps checkpoints in a folder, one JSON file per rule, each written anew beside the old one and then put in its place. For one process at
 * a time: two that use the same folder act twice.
 */
export class FileCheckpointStore implements CheckpointStore {
  constructor(
    private readonly folder: string,
    private readonly options: FileCheckpointOptions = {},
  ) {}

  async open(rule: RuleIdentity): Promise<Journal> {
    const { scheduler = asyncScheduler, random = Math.random, onError } = this.options;
    const file = join(this.folder, `${encodeURIComponent(rule.uid)}.json`);
    const records = await this.#read(file);
    return new PacedJournal({
      stored: new Map(records),
      scheduler,
      random,
      ...(onError === undefined ? {} : { onError: (error) => onError(rule, error) }),
      write: async (dirty) => {
        const next = new Map(records);
        for (const [record, value] of dirty) {
          if (value === null) next.delete(record);
          else next.set(record, value);
        }
        await this.#write(file, next);
        for (const record of dirty.keys()) {
          const value = next.get(record);
          if (value === undefined) records.delete(record);
          else records.set(record, value);
        }
        return dirty.keys();
      },
    });
  }

  async #read(file: string): Promise<Map<string, string>> {
    let text: string;
    try {
      await mkdir(this.folder, { recursive: true });
      text = await readFile(file, 'utf8');
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
      throw unavailable(file, thrown);
    }
    try {
      return new Map(Object.entries(JSON.parse(text) as Record<string, string>));
    } catch (thrown) {
      throw unavailable(file, thrown, 'Mend or delete it; without it the rule starts from a new baseline');
    }
  }

  async #write(file: string, records: ReadonlyMap<string, string>): Promise<void> {
    const draft = `${file}.${randomUUID()}`;
    try {
      const handle = await open(draft, 'w');
      try {
        await handle.writeFile(JSON.stringify(Object.fromEntries(records)));
        // Else a crash of the machine may leave an empty file under the name.
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, file);
    } catch (thrown) {
      await rm(draft, { force: true });
      throw unavailable(file, thrown);
    }
  }
}

function unavailable(file: string, cause: unknown, fix = 'Check that the folder can be written'): TriggerError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TriggerError('KT_CHECKPOINT_UNAVAILABLE', `${file}: ${why}`, { cause, fix });
}
