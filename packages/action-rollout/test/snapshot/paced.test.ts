import { type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import { fakeDelivery, fakeEvent } from '@kube-trigger/testing/contracts';
import { expect, it } from 'vitest';
import { putDeployment } from '../world.js';
import { CONFIG, SnapshotWorld, VOLUME } from './world.js';

const { Deployment } = WELL_KNOWN;
const PACED = { ...CONFIG, pacing: { concurrency: 1 } };

it('points one target after the other, each once, also for two changes that are one revision', async () => {
  const world = new SnapshotWorld();
  world.put('other', { a: '1' });
  const [container] = VOLUME.containers;
  const pod = { ...VOLUME, containers: [{ ...container, envFrom: [{ configMapRef: { name: 'other' } }] }] };
  for (const name of ['a', 'b', 'c']) putDeployment(world.kube, name, { pod });
  complete(world);
  const { changedKeys: _, ...unknown } = fakeEvent({ observedAtMs: world.context.scheduler.now() });
  // One after the other, so that no patch can take the other's snapshot along.
  for (const key of ['ConfigMap/shop/app-config', 'ConfigMap/shop/other']) {
    const event = { ...unknown, key, id: key };
    for (let looks = 1; ; looks += 1) {
      const delivery = fakeDelivery({ event, id: key, revision: 'both', redelivered: looks > 1 });
      const { outcome } = await world.deliver(delivery, PACED);
      expect(unfinished(world)).toBeLessThanOrEqual(1);
      complete(world);
      if (outcome !== 'waiting') break;
      expect(looks).toBeLessThan(10);
    }
  }
  for (const name of ['a', 'b', 'c']) {
    const spec = JSON.stringify(world.template(name).spec);
    expect([world.generation(name), spec.match(/"(app-config|other)-[0-9a-z]{10}"/g)?.length]).toEqual([3, 2]);
  }
});

type Stateful = KubeObject & { readonly status?: { readonly observedGeneration?: number } };

function unfinished(world: SnapshotWorld): number {
  const all: Stateful[] = world.kube.objects.all(Deployment);
  return all.filter(({ metadata, status }) => status?.observedGeneration !== metadata.generation).length;
}

/** Every controller is through with what it was given. */
function complete(world: SnapshotWorld): void {
  for (const object of world.kube.objects.all(Deployment)) {
    const { generation: observedGeneration } = object.metadata;
    const status = { observedGeneration, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
    world.kube.objects.put(Deployment, { ...object, status } as KubeObject);
  }
}
