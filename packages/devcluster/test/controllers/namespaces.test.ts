import { describeOnClusters, eventually } from '@kube-trigger/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Bench } from './bench.js';

describeOnClusters('every namespace', (start) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(start);
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());
  beforeEach(() => bench.renew());

  it('gets its default ServiceAccount, anew when it is deleted', async () => {
    const first = await eventually(() => bench.get('serviceaccounts', 'default'));
    await bench.remove('serviceaccounts', 'default');
    const second = await eventually(() => bench.get('serviceaccounts', 'default'));
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
  });

  it('gets the root certificate, anew when it is deleted, and back when it is changed', async () => {
    const read = async () => (await bench.get('configmaps', 'kube-root-ca.crt')).data?.['ca.crt'];
    const published = await eventually(read);
    await bench.merge('configmaps', 'kube-root-ca.crt', { data: { 'ca.crt': 'another' } });
    await expect.poll(read).toBe(published);
    await bench.remove('configmaps', 'kube-root-ca.crt');
    expect(await eventually(read)).toBe(published);
  });
});
