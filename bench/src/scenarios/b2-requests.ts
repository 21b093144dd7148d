import { type FaultProxy, kubeconfigFor, startFaultProxy } from '@kube-trigger/testing';
import { pause } from '../pause.js';
import { Fixture } from '../suite/fixture.js';
import { Observer } from '../suite/observer.js';
import { each } from '../suite/pace.js';
import type { Figure, Scenario } from '../suite/scenario.js';
import { warmUp } from '../suite/warm-up.js';

const FULL = { workloads: 500, matched: 50, changes: 4 };
const QUICK = { workloads: 100, matched: 10, changes: 1 };
/** Checkpoint and status are written behind, within 3 s; Events are sent within a second or so. */
const WRITTEN_BEHIND_MS = 6000;

/** A proxy counts what the controller asks for, from the change until all that is written behind is written. */
export const b2: Scenario = {
  id: 'B2',
  title: 'requests per change with M matched of W workloads',
  async run(stage) {
    const { workloads, matched, changes } = stage.quick ? QUICK : FULL;
    const cluster = await stage.startCluster();
    const fixture = await Fixture.in(cluster);
    for (const name of ['shared', 'unused']) await fixture.configMap(name, { watched: 'yes' });
    await fixture.configMap('foreign');
    await each(workloads, (i) => fixture.deployment(`app-${i}`, i < matched ? 'shared' : undefined));
    await fixture.rule('referencing', {
      sources: [{ configMap: { selector: { matchLabels: { watched: 'yes' } } } }],
      actions: [{ updatePodTemplate: { referencing: true } }],
      delivery: { coalesce: { quietSeconds: 0 } },
    });
    const proxy = stage.use(await startFaultProxy({ target: cluster.url, ca: cluster.ca, tls: true }));
    const access = { url: proxy.url, ca: proxy.ca, token: cluster.token };
    const kubeconfig = await cluster.writeKubeconfig(undefined, kubeconfigFor(access));
    const observer = stage.use(await Observer.on(fixture));
    const controller = await stage.startController(cluster, { kubeconfig, namespace: fixture.namespace });
    await warmUp(stage, { controller, fixture, observer, source: 'shared', rolls: matched });
    await pause(WRITTEN_BEHIND_MS);

    const count = async (source: string, rolls: number) => {
      const before = tally(proxy);
      for (let state = 1; state <= changes; state += 1) {
        const expected = observer.rolls + rolls;
        await fixture.write(source, state);
        await observer.until(() => observer.rolls >= expected, 30_000);
        if (observer.rolls !== expected) throw new Error(`${source}, change ${state}: ${rolls} rolls expected`);
        await pause(WRITTEN_BEHIND_MS);
      }
      return tally(proxy).minus(before);
    };
    stage.progress(`${matched} of ${workloads} workloads use the ConfigMap`);
    const used = await count('shared', matched);
    stage.progress('a ConfigMap that the rule is about and no workload uses');
    const unused = await count('unused', 0);
    stage.progress('a ConfigMap that no rule is about');
    const foreign = await count('foreign', 0);
    return figuresOf({ used, unused, foreign, changes, matched });
  },
};

/** Requests by what they are. */
class Tally {
  constructor(private readonly counts: Readonly<Record<string, number>>) {}

  minus({ counts }: Tally): Tally {
    const entries = Object.entries(this.counts).map(([what, n]) => [what, n - (counts[what] ?? 0)] as const);
    return new Tally(Object.fromEntries(entries));
  }

  sum(what: RegExp): number {
    return Object.entries(this.counts).reduce((sum, [request, n]) => sum + (what.test(request) ? n : 0), 0);
  }
}

function tally(proxy: FaultProxy): Tally {
  return new Tally(proxy.requestCounts());
}

const PATCHES = /^(PATCH|PUT) .*\/deployments\//;
/** A path that ends in its resource's plural is a list; one that goes on names an object. */
const LISTS = /^GET .*\/(namespaces\/[^/]+\/)?[a-z]+s$/;
const READS = /^GET /;
const ANY = /^(?!WATCH )/;

interface Found {
  readonly used: Tally;
  readonly unused: Tally;
  readonly foreign: Tally;
  readonly changes: number;
  readonly matched: number;
}

function figuresOf({ used, unused, foreign, changes, matched }: Found): Figure[] {
  const patches = used.sum(PATCHES);
  const lists = used.sum(LISTS);
  const reads = used.sum(READS);
  const requests = (name: string, total: number, atMost?: number): Figure => ({
    name,
    value: total / changes,
    unit: 'requests',
    ...(atMost === undefined ? {} : { target: { atMost } }),
  });
  return [
    {
      name: 'patches per change and matched workload',
      value: patches / changes / matched,
      unit: '×',
      target: { atMost: 1 },
    },
    requests('lists per change', lists, 0),
    requests('gets per change', reads - lists, 0),
    requests('checkpoint, status and Events per change', used.sum(ANY) - patches - reads),
    requests('requests per change that no workload uses', unused.sum(ANY)),
    requests('requests per change that no rule is about', foreign.sum(ANY), 0),
  ];
}
