import { WELL_KNOWN } from '@kube-trigger/kube';
import { eventually, type TestCluster } from '@kube-trigger/testing';
import type { Roll } from './judge.js';
import { Receiver } from './receiver.js';
import { Recorder } from './recorder.js';
import { Trio } from './rig.js';

/** A rule under test, from the change of its source to what its action did. One kind of action, one implementation. */
export interface Probe {
  readonly name: string;
  /** Changes the source. Rejects when the API server did not take it; may be repeated. */
  write(state: number): Promise<void>;
  /** What the action did, in order. */
  deeds(): readonly Roll[];
  /** How often a deed was asked for again by the same id, which its receiver can tell. */
  repeats(): number;
}

/** Probes of one kind of action, and what watches over them. */
export interface ProbeSet extends AsyncDisposable {
  readonly probes: readonly Probe[];
  /** Resolves when every rule can be acted on. */
  ready(): Promise<void>;
}

/** Rules that roll a Deployment each; their deeds are the changes of its pod template. */
export async function rolloutProbes(cluster: TestCluster, namespace: string, count: number): Promise<ProbeSet> {
  const trios = Array.from({ length: count }, (_, i) => new Trio(cluster, namespace, `roll-${i}`, 'Deployment'));
  for (const trio of trios) await trio.create(0);
  const recorder = new Recorder({ access: cluster, namespace, resource: WELL_KNOWN.Deployment });
  await recorder.start();
  return {
    probes: trios.map((trio) => ({
      name: trio.name,
      write: (state) => trio.write(state),
      deeds: () => recorder.rolls(trio.name),
      repeats: () => 0,
    })),
    ready: () => allReady(trios),
    [Symbol.asyncDispose]: () => recorder.stop(),
  };
}

/** Rules that call a URL each; their deeds are the calls that were accepted, by their ids. */
export async function webhookProbes(cluster: TestCluster, namespace: string, count: number): Promise<ProbeSet> {
  const receiver = await Receiver.start();
  const trios = Array.from({ length: count }, (_, i) => new Trio(cluster, namespace, `call-${i}`, 'Deployment'));
  for (const trio of trios) await trio.create(0, undefined, { webhook: { url: receiver.urlOf(trio.name) } });
  return {
    probes: trios.map((trio) => ({
      name: trio.name,
      write: (state) => trio.write(state),
      deeds: () => receiver.calls(trio.name),
      repeats: () => receiver.repeats(trio.name),
    })),
    ready: () => allReady(trios),
    [Symbol.asyncDispose]: () => receiver.stop(),
  };
}

export function together(sets: readonly ProbeSet[]): ProbeSet {
  return {
    probes: sets.flatMap(({ probes }) => probes),
    ready: async () => {
      for (const set of sets) await set.ready();
    },
    [Symbol.asyncDispose]: async () => {
      for (const set of sets) await set[Symbol.asyncDispose]();
    },
  };
}

async function allReady(trios: readonly Trio[]): Promise<void> {
  // A baseline stands: from then on a change is a change.
  const known = async (trio: Trio) => (await trio.remembered()) !== undefined;
  await eventually(async () => (await Promise.all(trios.map(known))).every(Boolean), { timeoutMs: 60_000 });
  for (const trio of trios) await trio.ready(60_000);
}
