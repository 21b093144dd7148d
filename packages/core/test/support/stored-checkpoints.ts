import { timer } from 'rxjs';
import { firstValueFrom } from 'rxjs';
import {
  type CheckpointStore,
  type Journal,
  PacedJournal,
  type RuleIdentity,
  type SchedulerLike,
  type TriggerError,
} from './core.js';

/** What a process wrote before it was killed. Outlives runners, like a cluster does. */
export class Disk {
  readonly records = new Map<string, string>();
  writes = 0;
  /** Taken by the next writes, one each. */
  readonly failures: TriggerError[] = [];
  /** Set: only records of the shard of the first one are written at a time. */
  sharded = false;
}

/** A process's view of the disk: its writes take 20 ms and reach nothing once it is killed. */
export class StoredCheckpoints implements CheckpointStore {
  readonly writtenAtMs: number[] = [];
  readonly #shard = (record: string) => (this.disk.sharded ? (record.codePointAt(record.length - 1) ?? 0) % 2 : 0);

  constructor(
    private readonly disk: Disk,
    private readonly scheduler: SchedulerLike,
    private readonly process: { readonly alive: boolean } = { alive: true },
  ) {}

  open(_rule: RuleIdentity): Promise<Journal> {
    const { disk, scheduler } = this;
    return Promise.resolve(
      new PacedJournal({
        stored: new Map(disk.records),
        scheduler,
        random: () => 0.5,
        write: async (dirty, first) => {
          this.writtenAtMs.push(scheduler.now());
          await firstValueFrom(timer(10, scheduler));
          const failure = disk.failures.shift();
          if (failure !== undefined) throw failure;
          const written = [...dirty].filter(([record]) => this.#shard(record) === this.#shard(first));
          if (this.process.alive) disk.writes += 1;
          for (const [record, value] of written) {
            if (!this.process.alive) continue;
            if (value === null) disk.records.delete(record);
            else disk.records.set(record, value);
          }
          await firstValueFrom(timer(10, scheduler));
          return written.map(([record]) => record);
        },
      }),
    );
  }
}
