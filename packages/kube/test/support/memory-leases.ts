import { TriggerError } from '@kube-trigger/core';
import type { KubeClient } from '../../src/index.js';
import type { Lease } from '../../src/lease/record.js';

/** One Lease with optimistic concurrency, and clients that may be cut off from it. */
export class MemoryLeases {
  lease: Lease | undefined;
  writes = 0;
  #version = 0;

  client(link: { up: boolean } = { up: true }): KubeClient {
    const guard = async <T>(work: () => T): Promise<T> => {
      await Promise.resolve();
      if (!link.up) throw new TriggerError('KT_KUBE_UNREACHABLE', 'cut off');
      return work();
    };
    const api: Partial<KubeClient> = {
      get: <T>() =>
        guard(() => {
          if (this.lease === undefined) throw new TriggerError('KT_KUBE_NOT_FOUND', 'no lease');
          return this.lease as T;
        }),
      create: <T>(_resource: unknown, _namespace: unknown, body: object) =>
        guard(() => {
          if (this.lease !== undefined) throw new TriggerError('KT_KUBE_CONFLICT', 'exists');
          return this.#store(body as Lease) as T;
        }),
      update: <T>(_ref: unknown, body: object) =>
        guard(() => {
          const sent = (body as Lease).metadata.resourceVersion;
          if (sent !== this.lease?.metadata.resourceVersion) throw new TriggerError('KT_KUBE_CONFLICT', 'changed');
          return this.#store(body as Lease) as T;
        }),
    };
    return api as KubeClient;
  }

  #store(lease: Lease): Lease {
    this.#version += 1;
    this.writes += 1;
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#version) } };
    return this.lease;
  }
}
