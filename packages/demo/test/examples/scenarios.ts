import { WELL_KNOWN } from '@kube-trigger/kube';
import { never } from '@kube-trigger/testing';
import { expect } from 'vitest';
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
