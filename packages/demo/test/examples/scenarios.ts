import { type KubeObject, readyPods, type Resource, WELL_KNOWN } from '@kube-trigger/kube';
import { eventually, never } from '@kube-trigger/testing';
import { expect } from 'vitest';
import { EventReceiver } from './event-receiver.js';
import { History } from './history.js';
import type { ExampleStage } from './stage.js';

const SEED = 'kubetrigger-statefulset-1560220263';

/** The example's windows: 22:00 to midnight, but not in the two weeks from 20 December. */
function isOpenInBerlin(at: Date): boolean {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/Berlin',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    hourCycle: 'h23',
  }).formatToParts(at);
  const of = (name: string) => Number(parts.find(({ type }) => type === name)?.value);
  const blackout = (of('month') === 12 && of('day') >= 20) || (of('month') === 1 && of('day') < 3);
  return of('hour') >= 22 && !blackout;
}

/** What needs programs that run: played on a real node. The embedded cluster says of them that their rules are Ready. */
export const ON_NODE: Readonly<Record<string, (stage: ExampleStage) => Promise<void>>> = {
  'exec-reload': async (stage) => {
    const served = await stage.inPods('greeter', ['cat', '/tmp/served']);
    expect(served).toEqual(['hello', 'hello']);
    const { namespace } = stage.place;
    const greeting = { resource: WELL_KNOWN.ConfigMap, namespace, name: 'greeting' };
    await stage.kube.patch(greeting, { data: { text: 'good evening' } }, { type: 'merge' });
    await stage.done('reload');
    // A signal is handled a moment after it was sent.
    await eventually(async () => {
      const now = await stage.inPods('greeter', ['cat', '/tmp/served']);
      return now.every((text) => text === 'good evening');
    });
  },

  'webhook-reload': async (stage) => {
    expect(await stage.inPods('prices', ['cat', '/www/list'])).toEqual(['tea 3', 'tea 3']);
    const prices = { resource: WELL_KNOWN.Secret, namespace: stage.place.namespace, name: 'prices' };
    await stage.kube.patch(prices, { stringData: { list: 'tea 4' } }, { type: 'merge' });
    await stage.done('prices');
    expect(await stage.inPods('prices', ['cat', '/www/list'])).toEqual(['tea 4', 'tea 4']);
  },
};

interface Greeter extends KubeObject {
  readonly spec: { readonly template: { readonly spec: { readonly volumes: { configMap: { name: string } }[] } } };
}
interface Greeting extends KubeObject {
  readonly data: { readonly greeting: string };
}

/** What each folder of examples/ shows, by its name. */
export const SCENARIOS: Readonly<Record<string, (stage: ExampleStage) => Promise<void>>> = {
  'rolling-update': async (stage) => {
    await stage.ready();
    const cm = { resource: WELL_KNOWN.ConfigMap, namespace: SEED, name: 'cm' };
    const busybox = { resource: WELL_KNOWN.StatefulSet, namespace: SEED, name: 'busybox' };
    const cause = await stage.rolls(busybox, () =>
      stage.kube.patch(cm, { data: { message: 'world' } }, { type: 'merge' }),
    );
    expect(cause).toMatch(/^ConfigMap .*\/cm updated \(message\) by TriggerRule default\/example/);
  },

  referencing: async (stage) => {
    await stage.ready();
    const config = { resource: WELL_KNOWN.ConfigMap, namespace: 'default', name: 'shop-config' };
    const deployment = (name: string) => ({ resource: WELL_KNOWN.Deployment, namespace: 'default', name });
    const before = await stage.kube.get(deployment('checkout'));
    const cause = await stage.rolls(deployment('search'), () =>
      stage.kube.patch(config, { data: { 'log-level': 'debug' } }, { type: 'merge' }),
    );
    expect(cause).toMatch(/^ConfigMap default\/shop-config updated \(log-level\)/);
    const after = await stage.kube.get(deployment('checkout'));
    expect(after.metadata.generation).toBe(before.metadata.generation);
  },

  waves: async (stage) => {
    await stage.ready();
    const config = { resource: WELL_KNOWN.ConfigMap, namespace: 'default', name: 'fleet-config' };
    using history = new History(stage.kube, { resource: WELL_KNOWN.Deployment, namespace: 'default' });
    await stage.kube.patch(config, { data: { 'log-level': 'debug' } }, { type: 'merge' });
    const told = eventually(
      async () => {
        const [action] = (await stage.status({ name: 'waves' })).actions ?? [];
        return /^ConfigMap\/default\/fleet-config: wave \d of 3: 0 of 1 done; waiting for/.test(action?.message ?? '');
      },
      { because: 'the status should say how far it is', timeoutMs: 60_000 },
    );
    await eventually(() => history.said('search is complete'), { because: 'all should be rolled', timeoutMs: 60_000 });
    const order = ['preview', 'checkout', 'search'].flatMap((name) => [`${name} is rolled`, `${name} is complete`]);
    expect(history.lines).toEqual(order);
    await told;
  },

  'config-snapshot': async (stage) => {
    await stage.ready();
    const ref = (resource: Resource, name: string) => ({ resource, namespace: 'default', name });
    const greeter = ref(WELL_KNOWN.Deployment, 'greeter');
    const reads = async () => {
      const { spec } = await stage.kube.get<Greeter>(greeter);
      return spec.template.spec.volumes[0]?.configMap.name ?? '';
    };
    const served = async () => (await stage.kube.get<Greeting>(ref(WELL_KNOWN.ConfigMap, await reads()))).data.greeting;
    const hello = await eventually(async () => ((await reads()) === 'greeting' ? undefined : reads()));
    const greeting = ref(WELL_KNOWN.ConfigMap, 'greeting');
    await stage.rolls(greeter, () => stage.kube.patch(greeting, { data: { greeting: 'helo' } }, { type: 'merge' }));
    expect(await served()).toBe('helo');
    // What `kubectl rollout undo` does: the template of the ReplicaSet before.
    const sets = await stage.kube.list<Greeter>(WELL_KNOWN.ReplicaSet, { namespace: 'default' });
    const before = sets.find(({ spec }) => spec.template.spec.volumes[0]?.configMap.name === hello);
    await stage.kube.patch(greeter, { spec: { template: before?.spec.template } }, { type: 'strategic' });
    expect([await reads(), await served()]).toEqual([hello, 'hello']);
    const undone = await stage.generation(greeter);
    await never(async () => (await stage.generation(greeter)) !== undone, { forMs: 2000 });
  },

  'secret-rotation': async (stage) => {
    await stage.ready();
    const tls = { resource: WELL_KNOWN.Secret, namespace: 'default', name: 'web-tls' };
    const web = { resource: WELL_KNOWN.Deployment, namespace: 'default', name: 'web' };
    const renewed = { stringData: { 'tls.crt': 'renewed', 'tls.key': 'renewed' } };
    const cause = await stage.rolls(web, () => stage.kube.patch(tls, renewed, { type: 'merge' }));
    expect(cause).toMatch(/^Secret default\/web-tls updated \(tls\.crt, tls\.key\)/);
  },

  'custom-resource': async (stage) => {
    await stage.ready();
    const resource = await stage.kube.resourceFor({ apiVersion: stage.apiVersionOf('Theme'), kind: 'Theme' });
    const summer = { resource, namespace: 'default', name: 'summer' };
    const storefront = { resource: WELL_KNOWN.Deployment, namespace: 'default', name: 'storefront' };
    const cause = await stage.rolls(storefront, () =>
      stage.kube.patch(summer, { spec: { colour: 'amber' } }, { type: 'merge' }),
    );
    expect(cause).toMatch(/^Theme default\/summer updated \(spec\.colour\)/);
  },

  'exec-reload': (stage) => stage.ready(),
  'webhook-reload': (stage) => stage.ready(),

  cloudevents: async (stage) => {
    await using receiver = await EventReceiver.start();
    const service = { resource: WELL_KNOWN.Service, namespace: 'default', name: 'receiver' };
    await stage.kube.patch(service, { spec: { ports: [{ name: 'http', port: receiver.port }] } }, { type: 'merge' });
    await stage.ready();
    const limits = { resource: WELL_KNOWN.ConfigMap, namespace: 'default', name: 'limits' };
    const change = (data: object) => stage.kube.patch(limits, { data }, { type: 'merge' });
    await change({ note: 'asked by finance' });
    await change({ note: 'asked by finance again' });
    await change({ 'max-items': '20' });
    const [event] = await eventually(() => (receiver.events.length > 0 ? receiver.events : undefined));
    expect(event).toMatchObject({
      specversion: '1.0',
      type: 'com.example.app.trigger.updated',
      subject: 'ConfigMap/default/limits',
    });
    expect(event?.data.changedKeys).toContain('max-items');
    // What is about notes only was dropped, what came in a row is one.
    await change({ note: 'and again' });
    await never(() => receiver.events.length > 1, { forMs: 4000 });
    expect(receiver.refused).toBe(0);
  },

  'gitops-evict': async (stage) => {
    await stage.ready();
    const changes = [
      {
        config: 'web-config',
        data: { greeting: 'good morning' },
        resource: WELL_KNOWN.Deployment,
        name: 'web',
        count: 3,
      },
      { config: 'db-config', data: { cache: 'large' }, resource: WELL_KNOWN.StatefulSet, name: 'db', count: 2 },
    ];
    for (const { config, data, resource, name, count } of changes) {
      const pods = async () => {
        const { ready } = await readyPods(stage.kube, { namespace: 'default', labelSelector: `app=${name}` });
        return ready.map(({ metadata }) => metadata.uid ?? '');
      };
      const before = await eventually(async () => ((await pods()).length === count ? pods() : undefined));
      const workload = { resource, namespace: 'default', name };
      const { spec } = await stage.kube.get<KubeObject & { spec: unknown }>(workload);
      await stage.kube.patch(
        { resource: WELL_KNOWN.ConfigMap, namespace: 'default', name: config },
        { data },
        { type: 'merge' },
      );
      await eventually(
        async () => {
          const now = await pods();
          return now.length === count && now.every((uid) => !before.includes(uid));
        },
        { because: `every pod of ${name} should be another one`, timeoutMs: 60_000 },
      );
      const after = await stage.kube.get<KubeObject & { spec: unknown }>(workload);
      expect(after.spec).toEqual(spec);
      expect(after.metadata.annotations?.['trigger.app.example.com/cause']).toContain(
        `ConfigMap default/${config} updated`,
      );
    }
  },

  'nightly-restart': async (stage) => {
    await stage.ready();
    const canary = { resource: WELL_KNOWN.Deployment, namespace: 'shop', name: 'web-canary' };
    const cause = await stage.rolls(canary, () => Promise.resolve());
    expect(cause).toMatch(/by TriggerRule shop\/often/);
  },

  'maintenance-window': async (stage) => {
    await stage.ready();
    const appConfig = { resource: WELL_KNOWN.ConfigMap, namespace: 'shop', name: 'app-config' };
    const web = { resource: WELL_KNOWN.Deployment, namespace: 'shop', name: 'web' };
    const change = () => stage.kube.patch(appConfig, { data: { 'changed-at': 'any time' } }, { type: 'merge' });
    if (isOpenInBerlin(new Date())) {
      expect(await stage.rolls(web, change)).toMatch(/^ConfigMap shop\/app-config updated \(changed-at\)/);
      return;
    }
    const before = await stage.generation(web);
    await change();
    // Longer than the edits' quiet time: what holds it now is the window.
    await never(async () => (await stage.generation(web)) !== before, { forMs: 7000 });
  },
};
