import { fakeEvent } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { patchesIn } from '../world.js';
import { Fleet, type Said } from './fleet.js';

let fleet: Fleet;
beforeEach(() => {
  fleet = new Fleet();
});

const names = (count: number) => Array.from({ length: count }, (_, n) => `w${n}`);
const WAVES = { waves: [{ matchLabels: { tier: 'canary' } }, { percent: 50 }] };

function putTen(): void {
  for (const name of names(10)) fleet.put(name, name === 'w7' || name === 'w8' ? { tier: 'canary' } : {});
}

describe('waves', () => {
  it('come one after the other, each when the one before is complete', async () => {
    putTen();
    expect(await fleet.run(WAVES, { redelivered: false })).toMatchObject({ outcome: 'waiting' });
    expect(fleet.with('combined-1')).toEqual(['w7', 'w8']);
    fleet.complete('w7');
    fleet.rolling('w8');
    expect((await fleet.run(WAVES)).because).toBe(
      'wave 1 of 3: 1 of 2 done; waiting for Deployment/shop/w8: 1 of 3 pods are updated',
    );
    expect(fleet.with('combined-1')).toHaveLength(2);
    fleet.complete('w8');
    expect((await fleet.run(WAVES)).because).toBe('wave 2 of 3: 0 of 4 done; waiting for Deployment/shop/w0');
    expect(fleet.with('combined-1')).toEqual(['w0', 'w1', 'w2', 'w3', 'w7', 'w8']);
    fleet.complete('w0', 'w1', 'w2', 'w3');
    await fleet.run(WAVES);
    expect(fleet.with('combined-1')).toHaveLength(10);
    fleet.complete('w4', 'w5', 'w6');
    expect((await fleet.run(WAVES)).because).toMatch(/^wave 3 of 3: 3 of 4 done; waiting for Deployment\/shop\/w9/);
    fleet.complete('w9');
    const { outcome, result } = await fleet.run(WAVES);
    expect([outcome, result?.targets.length]).toEqual(['unchanged', 10]);
    expect(patchesIn(fleet.kube)).toBe(10);
  });

  it('go on where they were after a kill, each target once', async () => {
    putTen();
    for (let step = 0; step < 12; step += 1) {
      fleet.restart();
      await fleet.run(WAVES);
      for (const name of fleet.with('combined-1')) fleet.complete(name);
    }
    expect((await fleet.run(WAVES)).outcome).toBe('unchanged');
    expect(patchesIn(fleet.kube)).toBe(10);
  });

  it('begin with the first again when a newer state comes', async () => {
    putTen();
    await fleet.run(WAVES);
    fleet.complete('w7', 'w8');
    await fleet.run(WAVES);
    const event = fakeEvent({ id: 'event-2', revision: 'revision-2' });
    await fleet.run(WAVES, { event, id: 'event-2', revision: 'combined-2' });
    expect([fleet.with('combined-2'), fleet.with('combined-1')]).toEqual([
      ['w7', 'w8'],
      ['w0', 'w1', 'w2', 'w3'],
    ]);
  });

  it('roll nobody again because another key of the rule moved the combined revision on', async () => {
    putTen();
    await fleet.run(WAVES);
    fleet.complete('w7', 'w8');
    await fleet.run(WAVES, { revision: 'combined-2' });
    expect([fleet.with('combined-1'), fleet.with('combined-2')]).toEqual([
      ['w7', 'w8'],
      ['w0', 'w1', 'w2', 'w3'],
    ]);
  });

  it('wait for time where they are told to, and then no longer for the last one', async () => {
    const pacing = { waves: [{ count: 1 }], progress: 'time' as const, waveIntervalSeconds: 300 };
    fleet.put('a');
    fleet.put('b');
    await fleet.run(pacing);
    fleet.rolling('a');
    const { because, result } = await fleet.run(pacing);
    expect(because).toBe('wave 1 of 2: 0 of 1 done; the next wave begins at 2026-01-01T00:05:00Z');
    expect(result).toMatchObject({ againAfterMs: 10_000 });
    await fleet.clock.advance(299_000);
    fleet.restart();
    await fleet.run(pacing);
    expect(fleet.with('combined-1')).toEqual(['a']);
    await fleet.clock.advance(1000);
    await fleet.run(pacing);
    expect(fleet.with('combined-1')).toEqual(['a', 'b']);
    expect((await fleet.run(pacing)).outcome).toBe('unchanged');
  });

  it('keep a time between them as well as their order', async () => {
    const pacing = { waves: [{ count: 1 }], waveIntervalSeconds: 300 };
    fleet.put('a');
    fleet.put('b');
    await fleet.run(pacing);
    fleet.complete('a');
    expect((await fleet.run(pacing)).because).toBe(
      'wave 1 of 2: 1 of 1 done; the next wave begins at 2026-01-01T00:05:00Z',
    );
    await fleet.clock.advance(300_000);
    await fleet.run(pacing);
    expect(fleet.with('combined-1')).toEqual(['a', 'b']);
  });

  it.each([
    ['is deleted', (name: string) => fleet.kube.objects.remove(fleet.ref(name))],
    ['is paused', (name: string) => fleet.put(name, {}, { paused: true, template: fleet.get(name).spec.template })],
    [
      'is scaled to zero',
      (name: string) => fleet.put(name, {}, { replicas: 0, template: fleet.get(name).spec.template }),
    ],
  ])('do not wait for one that %s in the middle', async (_, happen) => {
    const pacing = { waves: [{ count: 1 }] };
    fleet.put('a');
    fleet.put('b');
    await fleet.run(pacing);
    fleet.rolling('a');
    expect((await fleet.run(pacing)).outcome).toBe('waiting');
    happen('a');
    await fleet.run(pacing);
    await fleet.run(pacing);
    expect(fleet.revisionOf('b')).toBe('combined-1');
  });

  it('wait for whom somebody else rolled after the change, and do not roll it', async () => {
    const pacing = { waves: [{ count: 1 }] };
    fleet.put('a');
    fleet.put('b');
    await fleet.run(
      pacing,
      { revision: 'before', event: fakeEvent({ id: 'before', key: 'ConfigMap/shop/b' }) },
      { objectRef: undefined, selector: { kind: 'Deployment', matchLabels: { no: 'one' } } },
    );
    await fleet.clock.advance(60_000);
    const event = fakeEvent({ observedAtMs: fleet.clock.now() });
    await fleet.clock.advance(1000);
    const time = new Date(fleet.clock.now()).toISOString();
    const { metadata, spec } = fleet.get('a');
    const managedFields = [{ manager: 'helm', time, fieldsV1: { 'f:spec': { 'f:template': {} } } }];
    fleet.kube.objects.put(fleet.ref('a').resource, {
      metadata: { ...metadata, managedFields },
      spec: { ...spec, template: { ...spec.template, spec: { hostname: 'new' } } },
    } as never);
    const { because } = await fleet.run(pacing, { event });
    expect(because).toBe(
      'wave 1 of 2: 0 of 1 done; waiting for Deployment/shop/a: its controller has not seen the change yet',
    );
    fleet.complete('a');
    await fleet.run(pacing, { event });
    expect([fleet.revisionOf('a'), fleet.revisionOf('b')]).toEqual([undefined, 'combined-1']);
  });
});

it('costs one patch per target, also in later waves', async () => {
  putTen();
  await fleet.run(WAVES, { redelivered: false });
  fleet.complete('w7', 'w8');
  await fleet.run(WAVES);
  const said = fleet.kube.said.filter((request) => !/^(list|watch) /.test(request));
  expect(said).toEqual(Array.from({ length: 6 }, () => 'patch deployments.apps'));
});

describe('concurrency', () => {
  it('keeps so many rollouts unfinished at a time', async () => {
    for (const name of names(6)) fleet.put(name);
    let most = 0;
    for (let step = 0; step < 20 && (await fleet.run({ concurrency: 2 })).outcome === 'waiting'; step += 1) {
      const unfinished = fleet
        .with('combined-1')
        .filter((name) => fleet.get(name).metadata.annotations?.['done'] !== 'yes');
      most = Math.max(most, unfinished.length);
      const [first] = unfinished;
      if (first === undefined) continue;
      fleet.annotate(first, { done: 'yes' });
      fleet.complete(first);
    }
    expect([most, fleet.with('combined-1').length, patchesIn(fleet.kube)]).toEqual([2, 6, 6]);
  });

  it('as a percentage is of the targets, and at least one', async () => {
    for (const name of names(10)) fleet.put(name);
    await fleet.run({ concurrency: '25%' });
    expect(fleet.with('combined-1')).toHaveLength(3);
    expect((await fleet.run({ concurrency: '1%' })).outcome).toBe('waiting');
    expect(fleet.with('combined-1')).toHaveLength(3);
  });

  it('counts the unfinished rollouts of other keys of the rule', async () => {
    fleet.put('a', { app: 'a' });
    fleet.put('b', { app: 'b' });
    const of = (app: string) => ({ selector: { kind: 'Deployment', matchLabels: { app } } });
    await fleet.run({ concurrency: 1 }, {}, of('a'));
    await fleet.run({ concurrency: 1 });
    const other = {
      event: fakeEvent({ id: 'event-2', key: 'ConfigMap/shop/other' }),
      id: 'event-2',
      revision: 'combined-2',
    };
    expect((await fleet.run({ concurrency: 1 }, other, of('b'))).because).toBe(
      '0 of 1 done; waiting for other rollouts of the rule',
    );
    fleet.complete('a');
    await fleet.run({ concurrency: 1 }, {}, of('a'));
    await fleet.run({ concurrency: 1 }, other, of('b'));
    expect(fleet.revisionOf('b')).toBe('combined-2');
  });
});

it('lets no two keys of the rule take the same free place', async () => {
  fleet.put('a', { app: 'a' });
  fleet.put('b', { app: 'b' });
  fleet.kube.intercept = async () => new Promise((resolve) => setImmediate(resolve));
  const of = (app: string) => ({ selector: { kind: 'Deployment', matchLabels: { app } } });
  const other = { event: fakeEvent({ id: 'event-2', key: 'ConfigMap/shop/other' }), id: 'event-2' };
  await Promise.all([fleet.run({ concurrency: 1 }, {}, of('a')), fleet.run({ concurrency: 1 }, other, of('b'))]);
  expect(fleet.with('combined-1')).toHaveLength(1);
});

describe('minIntervalSeconds', () => {
  const pacing = { minIntervalSeconds: 600 };
  const again = (n: number) => ({
    revision: `combined-${n}`,
    id: `event-${n}`,
    event: fakeEvent({ id: `event-${n}`, observedAtMs: fleet.clock.now() }),
  });

  it('lets changes wait, and rolls the latest one when the time is over, also after a kill', async () => {
    fleet.put('a');
    await fleet.run(pacing);
    fleet.complete('a');
    expect((await fleet.run(pacing)).outcome).toBe('unchanged');
    await fleet.clock.advance(100_000);
    const { because, result } = await fleet.run(pacing, again(2));
    expect(because).toBe('0 of 1 done; Deployment/shop/a was rolled less than 600 s ago');
    expect(result).toMatchObject({ againAfterMs: 30_000 });
    fleet.restart();
    await fleet.clock.advance(499_000);
    expect(await fleet.run(pacing, again(3))).toMatchObject({ outcome: 'waiting', result: { againAfterMs: 1000 } });
    await fleet.clock.advance(1000);
    await fleet.run(pacing, again(3));
    expect([fleet.revisionOf('a'), patchesIn(fleet.kube)]).toEqual(['combined-3', 2]);
  });

  it('is each target’s own, and another rule’s rollout does not count', async () => {
    fleet.put('a');
    await fleet.run(pacing);
    fleet.put('b');
    const { metadata, spec } = fleet.get('b');
    const managedFields = [
      {
        manager: 'kube-trigger/shop.other',
        time: new Date(fleet.clock.now()).toISOString(),
        fieldsV1: {
          'f:spec': {
            'f:template': { 'f:metadata': { 'f:annotations': { 'f:trigger.app.example.com/shop.other': {} } } },
          },
        },
      },
    ];
    fleet.kube.objects.put(fleet.ref('b').resource, { metadata: { ...metadata, managedFields }, spec } as never);
    fleet.complete('a', 'b');
    await fleet.clock.advance(1000);
    await fleet.run(pacing, again(2));
    expect([fleet.revisionOf('a'), fleet.revisionOf('b')]).toEqual(['combined-1', 'combined-2']);
  });
});

describe('what it waits for', () => {
  it('ends when a target moves, also when it moved before anybody listened', async () => {
    putTen();
    const heardOf = (said: Said) => {
      if (said.result?.outcome !== 'waiting' || said.result.until === undefined) throw new Error('does not wait');
      let moved = false;
      said.result.until.subscribe(() => (moved = true));
      return () => moved;
    };
    // Its own patches were heard before it returned.
    const begun = heardOf(await fleet.run(WAVES));
    await fleet.clock.advance(1000);
    expect(begun()).toBe(true);
    const second = heardOf(await fleet.run(WAVES));
    fleet.complete('w4');
    await fleet.clock.advance(1000);
    expect(second()).toBe(false);
    fleet.rolling('w8');
    await fleet.clock.advance(1000);
    expect([second(), fleet.clock.pending]).toEqual([true, 0]);
  });
});

it('does not change who writes, and asks nothing more, without pacing', async () => {
  fleet.put('a');
  await fleet.run(undefined as never, { redelivered: false });
  const managers = (fleet.get('a').metadata.managedFields ?? []).map(({ manager }) => manager);
  expect([managers, fleet.revisionOf('a')]).toEqual([['kube-trigger'], 'combined-1']);
  expect(fleet.kube.said).toEqual(['list deployments.apps', 'watch deployments.apps', 'patch deployments.apps']);
});
