import type { TestCluster } from '@kube-trigger/testing';
import { Fixture } from './suite/fixture.js';
import { pause } from './pause.js';

/** So many exist at a time. */
const LIVING = 50;

/** ConfigMaps of which each comes once and goes for good, under a rule that each of these rolls a Deployment. */
export class Churn implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  private constructor(
    private readonly fixture: Fixture,
    private readonly everyMs: number,
  ) {
    this.#running = this.#run();
  }

  static async start(cluster: TestCluster, namespace: string, perMinute: number): Promise<Churn> {
    const fixture = new Fixture(cluster, namespace);
    await fixture.deployment('churn');
    await fixture.rule('churn', {
      sources: [{ configMap: { selector: { matchLabels: { churn: 'yes' } }, on: ['created', 'deleted'] } }],
      actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'churn' } } }],
      // Else the breaker would trip.
      delivery: { coalesce: { quietSeconds: 1, maxWaitSeconds: 5 } },
    });
    return new Churn(fixture, 60_000 / perMinute);
  }

  /** Rejects with what went wrong meanwhile. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#stop.signal.aborted; i += 1) {
      await this.fixture.configMap(`churn-${i}`, { churn: 'yes' });
      if (i >= LIVING) await this.fixture.remove(`churn-${i - LIVING}`);
      await pause(this.everyMs, this.#stop.signal);
    }
  }
}
