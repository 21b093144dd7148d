import { WELL_KNOWN } from '@kube-trigger/kube';
import { eventually, type TestCluster } from '@kube-trigger/testing';
import { judge, OperatorProcess, type Random, Recorder, Trio, type Write } from './harness.js';

const GROUP = '/apis/app.example.com/v1alpha1';

/** What happens to a source while no operator runs. */
type Deed = 'nothing' | 'edit' | 'revert' | 'same data' | 'metadata' | 'recreate' | 'there and back';
const DEEDS: readonly Deed[] = [
  'nothing',
  'nothing',
  'edit',
  'revert',
  'revert',
  'same data',
  'metadata',
  'recreate',
  'there and back',
];

/** When the process is killed, counted from the first edit of a cycle. */
type Moment =
  | { readonly after: 'edit' | 'begin' | 'roll'; readonly ms: number }
  | { readonly after: 'start'; readonly ms: number };

interface Station {
  readonly trio: Trio;
  readonly writes: Write[];
  state: number;
  /** The state before the present cycle's edits. */
  before: number;
  /** What the checkpoint knew of the source before them. */
  digests: readonly string[];
}

export interface KillLoopOptions {
  readonly cluster: TestCluster;
  readonly random: Random;
  readonly cycles: number;
  readonly stations: number;
}

/** How often each thing was met, so that a loop which never hit a window shows it. */
export interface Coverage {
  kills: number;
  /** Targets by where the kill found them. */
  untouched: number;
  begunOnly: number;
  rolledNotSettled: number;
  rolledAndSettled: number;
  /** Reverts after a kill that needed no roll, and those that did. */
  revertsWithoutRoll: number;
  revertsRolledBack: number;
}

/**
 * One operator process that is killed with SIGKILL again and again while sources are edited, and started again.
 *
 * What must hold after each kill, and after each restart (DESIGN §2, D1, D2, D4 and the two corners about reverts):
 *
 * - a target was rolled only after its checkpoint said that a delivery began (write-ahead);
 * - the restarted operator rolls a target exactly once if it does not have the source's present state, else not at all, whatever the
 *   checkpoint says: a delivery that began is brought to its end, but the target's revision says whether that needs a roll;
 * - so a change that is undone while the operator is down costs nothing if it had not reached the target, and one roll back if it had.
 */
export class KillLoop {
  readonly coverage: Coverage = {
    kills: 0,
    untouched: 0,
    begunOnly: 0,
    rolledNotSettled: 0,
    rolledAndSettled: 0,
    revertsWithoutRoll: 0,
    revertsRolledBack: 0,
  };
  readonly #stations: Station[] = [];
  #kubeconfig = '';
  #recorder: Recorder | undefined;
  #operator: OperatorProcess | undefined;
  #nextState = 1;
  #namespace = '';
  #cycle = 0;
  #moment: Moment | undefined;

  constructor(private readonly options: KillLoopOptions) {}

  /** Rejects, naming seed and cycle, when a promise is broken. */
  async run(): Promise<void> {
    try {
      await this.#open();
      for (this.#cycle = 1; this.#cycle <= this.options.cycles; this.#cycle += 1) await this.#turn();
      await this.#close();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const where = `seed ${this.options.random.seed}, cycle ${this.#cycle}, killed ${JSON.stringify(this.#moment)}`;
      throw new Error(`${where}: ${message}\n${this.#history()}\noperator log:\n${this.#operator?.log() ?? ''}`, {
        cause: error,
      });
    } finally {
      await this.#operator?.stop('SIGKILL');
      await this.#recorder?.stop();
    }
  }

  async #open(): Promise<void> {
    const { cluster, stations } = this.options;
    this.#kubeconfig = await cluster.writeKubeconfig();
    this.#namespace = await cluster.createNamespace('kill');
    for (let i = 0; i < stations; i += 1) {
      const trio = new Trio(cluster, this.#namespace, `app-${i}`, 'StatefulSet');
      await trio.create(0);
      this.#stations.push({ trio, writes: [], state: 0, before: 0, digests: [] });
    }
    const resource = WELL_KNOWN.StatefulSet;
    this.#recorder = new Recorder({ access: cluster, namespace: this.#namespace, resource });
    await this.#recorder.start();
    await this.#start();
    // From here on every target says on its template which state it has.
    await Promise.all(
      this.#stations.map(async (station) => {
        await station.trio.ready();
        await this.#edit(station);
      }),
    );
    await this.#arrived();
  }

  async #turn(): Promise<void> {
    const { random } = this.options;
    // Settling is written lazily: most cycles find the one before unsettled, some shall not.
    if (random.chance(0.1)) await this.#settled();
    for (const station of this.#stations) {
      station.before = station.state;
      const { settled, begun } = (await station.trio.remembered()) ?? {};
      station.digests = [settled, begun].filter((digest) => typeof digest === 'string');
    }
    const generations = this.#generations();
    this.#moment = this.#pickMoment();
    await this.#editAndKill(this.#moment);
    await this.#quiet();
    for (const station of this.#stations) await this.#checkAfterKill(station, generations);
    const expected = new Map<string, number>();
    for (const station of this.#stations) {
      await this.#whileDown(station, random.pick(DEEDS));
      const { name } = station.trio;
      const { generation, state } = this.#target(name);
      expected.set(name, generation + (state === station.state ? 0 : 1));
    }
    await this.#start();
    await this.#arrived();
    for (const [name, generation] of expected) {
      const now = this.#target(name).generation;
      if (now !== generation) throw new Error(`${name} is at generation ${now}, not ${generation}, after the restart`);
    }
    for (const station of this.#stations) this.#judge(station);
  }

  /** Proof that nothing was still to come: all settled, and two restarts without a roll. */
  async #close(): Promise<void> {
    await this.#settled();
    const generations = this.#generations();
    for (let restarts = 0; restarts < 2; restarts += 1) {
      await this.#operator?.stop('SIGKILL');
      await this.#start();
      for (const { trio } of this.#stations) await trio.ready();
      // The sentinel: a change that is seen after everything that the restart might have caused.
      const [sentinel] = this.#stations;
      if (sentinel === undefined) throw new Error('no stations');
      await this.#edit(sentinel);
      await this.#arrived();
      generations.set(sentinel.trio.name, (generations.get(sentinel.trio.name) ?? 0) + 1);
    }
    await this.#settled();
    for (const [name, generation] of generations) {
      const now = this.#target(name).generation;
      if (now !== generation) throw new Error(`${name} went from generation ${generation} to ${now} by restarts alone`);
    }
    for (const station of this.#stations) this.#judge(station);
  }

  #pickMoment(): Moment {
    const { random } = this.options;
    const dice = random.next();
    if (dice < 0.35) return { after: 'begin', ms: random.between(0, 12) };
    if (dice < 0.55) return { after: 'roll', ms: random.between(0, 40) };
    if (dice < 0.75) return { after: 'edit', ms: random.between(0, 60) };
    if (dice < 0.9) return { after: 'edit', ms: random.between(0, 1300) };
    return { after: 'start', ms: random.between(0, 800) };
  }

  async #editAndKill(moment: Moment): Promise<void> {
    if (moment.after === 'start') {
      // Edited while it is down; killed at a random point of its start.
      await this.#operator?.stop('SIGKILL');
      await this.#edits();
      await this.#start();
      await pause(moment.ms);
      await this.#operator?.stop('SIGKILL');
    } else {
      const seen = moment.after === 'edit' ? Promise.resolve() : this.#first(moment.after);
      const edits = this.#edits();
      await seen;
      await pause(moment.ms);
      // Not awaited before: the kill may come between two of the edits.
      await Promise.all([this.#operator?.stop('SIGKILL'), edits]);
    }
    this.coverage.kills += 1;
  }

  /** The first begin or roll that follows from the coming edits. Gives up after a while: there may be none. */
  async #first(what: 'begin' | 'roll'): Promise<void> {
    if (what === 'roll') {
      await new Promise<void>((resolve) => {
        // The deadline of a wait for a roll, which may rightly never come.
        const timer = setTimeout(resolve, 3000);
        const off = this.#recorder?.onRoll(() => {
          clearTimeout(timer);
          off?.();
          resolve();
        });
      });
      return;
    }
    const path = `${GROUP}/namespaces/${this.#namespace}/triggercheckpoints`;
    const { json } = await this.options.cluster.request('GET', path);
    const version = json.metadata.resourceVersion;
    await using watch = await this.options.cluster.watch(`${path}?watch=true&resourceVersion=${version}`);
    await watch.next(3000).catch(() => undefined);
  }

  async #edits(): Promise<void> {
    const { random } = this.options;
    const [first, ...others] = this.#stations;
    if (first === undefined) return;
    const edited = [first, ...others.filter(() => random.chance(0.6))];
    const twice = edited.filter(() => random.chance(0.15));
    await Promise.all(edited.map((station) => this.#edit(station)));
    await Promise.all(twice.map((station) => this.#edit(station)));
  }

  async #edit(station: Station, state = this.#nextState): Promise<void> {
    this.#nextState = Math.max(this.#nextState, state + 1);
    station.state = state;
    station.writes.push({ state, sentAtMs: performance.now() });
    await station.trio.write(state);
  }

  /** A request of the dead process may still be on its way into the server: waits until nothing has moved for a while. */
  async #quiet(): Promise<void> {
    let before = '';
    await eventually(
      async () => {
        const versions = await Promise.all(
          this.#stations.map(async ({ trio }) => [
            await trio.targetVersion(),
            (await trio.checkpoints()).map(({ metadata }) => metadata.resourceVersion),
            this.#target(trio.name).generation,
          ]),
        );
        const now = JSON.stringify(versions);
        const same = now === before;
        before = now;
        return same;
      },
      { intervalMs: 60, because: 'the cluster should be quiet after the kill' },
    );
  }

  async #checkAfterKill(station: Station, generations: ReadonlyMap<string, number>): Promise<void> {
    const { trio } = station;
    const target = this.#target(trio.name);
    const rolls = target.generation - (generations.get(trio.name) ?? 0);
    const remembered = await trio.remembered();
    this.#judge(station, { quiet: false });
    if (station.state === station.before) return;
    // Each edit makes a state that never was, so writing ahead shows as a digest that was not there before.
    const isNew = (digest: string | null | undefined) =>
      typeof digest === 'string' && !station.digests.includes(digest);
    const [begun, settled] = [isNew(remembered?.begun), isNew(remembered?.settled)];
    if (rolls === 0) this.coverage[begun ? 'begunOnly' : 'untouched'] += 1;
    else if (begun || settled) this.coverage[begun ? 'rolledNotSettled' : 'rolledAndSettled'] += 1;
    else throw new Error(`${trio.name} was rolled to state ${target.state}, of which its checkpoint knows nothing`);
  }

  async #whileDown(station: Station, deed: Deed): Promise<void> {
    const { trio, before } = station;
    switch (deed) {
      case 'nothing':
        return;
      case 'edit':
        return this.#edit(station);
      case 'revert': {
        const changed = station.state !== before;
        await this.#edit(station, before);
        if (changed)
          this.coverage[this.#target(trio.name).state === before ? 'revertsWithoutRoll' : 'revertsRolledBack'] += 1;
        return;
      }
      case 'same data':
        return trio.write(station.state);
      case 'metadata':
        return trio.touch(`cycle-${this.#cycle}`);
      case 'recreate':
        await trio.deleteSource();
        return trio.createSource(station.state);
      case 'there and back': {
        const { state } = station;
        await this.#edit(station);
        return this.#edit(station, state);
      }
    }
  }

  async #start(): Promise<void> {
    const operator = await OperatorProcess.start({ kubeconfig: this.#kubeconfig, args: this.#args });
    this.#operator = operator;
  }

  get #args(): string[] {
    return ['--no-leader-elect', '--log-level', 'debug', '--namespace', this.#namespace];
  }

  /** Waits until every target has its source's present state. */
  async #arrived(): Promise<void> {
    await eventually(() => this.#stations.every(({ trio, state }) => this.#target(trio.name).state === state), {
      timeoutMs: 20_000,
      intervalMs: 10,
      because: 'every target should get the present state',
    });
  }

  /** Waits until the checkpoint of every rule has nothing that began and did not end. */
  async #settled(): Promise<void> {
    await eventually(
      async () => {
        const all = await Promise.all(this.#stations.map(({ trio }) => trio.remembered()));
        return all.every((one) => one !== undefined && one.begun === undefined);
      },
      { timeoutMs: 20_000, because: 'every delivery should be settled' },
    );
  }

  #judge({ trio, writes }: Station, { quiet = true } = {}): void {
    const verdict = judge({ initial: 0, writes, rolls: this.#recorder?.rolls(trio.name) ?? [] });
    const { missing, duplicates, outOfOrder, unexplained } = verdict;
    const bad = { ...(quiet ? { missing } : {}), duplicates, outOfOrder, unexplained };
    if (Object.values(bad).some((list) => list.length > 0)) throw new Error(`${trio.name}: ${JSON.stringify(bad)}`);
  }

  #generations(): Map<string, number> {
    return new Map(this.#stations.map(({ trio }) => [trio.name, this.#target(trio.name).generation]));
  }

  #target(name: string): { readonly generation: number; readonly state: number | undefined } {
    if (this.#recorder === undefined) throw new Error('not recording yet');
    return { generation: this.#recorder.generation(name), state: this.#recorder.state(name) };
  }

  #history(): string {
    return this.#stations
      .map(({ trio, writes }) => {
        const rolls = this.#recorder?.rolls(trio.name) ?? [];
        const written = writes.slice(-8).map(({ state }) => state);
        const rolled = rolls.slice(-8).map(({ state, generation }) => `${state}@${generation}`);
        return `${trio.name}: written … ${written.join(' ')}; rolled … ${rolled.join(' ')}`;
      })
      .join('\n');
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
