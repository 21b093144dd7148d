import { randomSuffix } from './canonical.js';
import type { ApiClient } from './api-client.js';
import { type KubeObject, timestamp } from './objects.js';

export interface EventText {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  /** The reporting component, such as `deployment-controller`. */
  component: string;
}

/** How many failures to write an Event may be under way: Events are a courtesy, never worth a backlog. */
const mostUnderWay = 64;

/** Writes Events about objects in the background. One that fails is reported and forgotten, as in a real cluster. */
export class EventRecorder {
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    private readonly client: ApiClient,
    private readonly onError: (error: unknown) => void,
  ) {}

  record(about: KubeObject, text: EventText): void {
    if (this.#underWay.size >= mostUnderWay) return;
    const write = this.#write(about, text)
      .catch((error: unknown) => this.onError(error))
      .finally(() => this.#underWay.delete(write));
    this.#underWay.add(write);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #write(about: KubeObject, { type, reason, message, component }: EventText): Promise<void> {
    const { name, namespace, uid, resourceVersion } = about.metadata;
    const at = timestamp(Date.now());
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${Date.now().toString(16)}${randomSuffix()}`, namespace: namespace ?? 'default' },
      involvedObject: { apiVersion: about.apiVersion, kind: about.kind, name, namespace, uid, resourceVersion },
      type,
      reason,
      message,
      source: { component },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
    await this.client.request({ method: 'POST', path: `/api/v1/namespaces/${body.metadata.namespace}/events`, body });
  }
}
