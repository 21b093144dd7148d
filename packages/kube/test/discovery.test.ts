import { beforeEach, describe, expect, it } from 'vitest';
import { TriggerError } from '@kube-trigger/core';
import type { RawRequest } from '../src/index.js';
import { Discovery } from '../src/discovery.js';

let answers: Record<string, unknown>;
let asked: string[];
let now: number;
let discovery: Discovery;

beforeEach(() => {
  now = 0;
  asked = [];
  answers = {
    '/apis': {
      groups: [
        {
          name: 'batch',
          preferredVersion: { groupVersion: 'batch/v1' },
          versions: [{ groupVersion: 'batch/v1' }, { groupVersion: 'batch/v1beta1' }],
        },
        { name: 'metrics.k8s.io', preferredVersion: { groupVersion: 'metrics.k8s.io/v1' } },
        { name: 'one.example', preferredVersion: { groupVersion: 'one.example/v1' } },
        { name: 'two.example', preferredVersion: { groupVersion: 'two.example/v1' } },
      ],
    },
    '/api/v1': { resources: [{ name: 'pods', kind: 'Pod', namespaced: true }] },
    '/apis/batch/v1': {
      resources: [
        { name: 'jobs', kind: 'Job', namespaced: true },
        { name: 'jobs/status', kind: 'Job', namespaced: true },
      ],
    },
    '/apis/batch/v1beta1': {
      resources: [
        { name: 'cronjobs', kind: 'CronJob', namespaced: true },
        { name: 'jobs', kind: 'Job', namespaced: true },
      ],
    },
    '/apis/one.example/v1': {
      resources: [
        { name: 'widgets', kind: 'Widget', namespaced: false },
        { name: 'twins', kind: 'Twin', namespaced: true },
      ],
    },
    '/apis/two.example/v1': { resources: [{ name: 'twins', kind: 'Twin', namespaced: true }] },
  };
  const request = <T>({ path }: RawRequest): Promise<T> => {
    asked.push(path);
    const answer = answers[path];
    // An aggregated API without a server, and everything that is not there.
    if (path.startsWith('/apis/metrics')) return Promise.reject(new TriggerError('KT_KUBE_SERVER_ERROR', '503'));
    if (answer === undefined) return Promise.reject(new TriggerError('KT_KUBE_NOT_FOUND', '404'));
    return Promise.resolve(answer as T);
  };
  discovery = new Discovery(request, () => now);
});

async function fault(type: { apiVersion?: string; kind: string }): Promise<string> {
  return discovery.resourceFor(type).then(
    () => 'found',
    (error: TriggerError) => `${error.code}: ${error.explanation}`,
  );
}

describe('resourceFor', () => {
  it('knows the well-known kinds without a request', async () => {
    expect(await discovery.resourceFor({ kind: 'ConfigMap' })).toMatchObject({ group: '', plural: 'configmaps' });
    expect(await discovery.resourceFor({ kind: 'StatefulSet', apiVersion: 'apps/v1' })).toMatchObject({
      group: 'apps',
    });
    expect(asked).toEqual([]);
  });

  it('finds a kind in its named group-version with one request, and keeps it', async () => {
    const widget = { group: 'one.example', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: false };
    expect(await discovery.resourceFor({ apiVersion: 'one.example/v1', kind: 'Widget' })).toEqual(widget);
    now = 3_600_000;
    expect(await discovery.resourceFor({ apiVersion: 'one.example/v1', kind: 'Widget' })).toEqual(widget);
    expect(asked).toEqual(['/apis/one.example/v1']);
  });

  it('finds a kind without a group in any served version, although one group does not answer', async () => {
    expect(await discovery.resourceFor({ kind: 'CronJob' })).toMatchObject({ version: 'v1beta1', plural: 'cronjobs' });
  });

  it('names the nearest kind', async () => {
    expect(await fault({ kind: 'ConfigMapp' })).toBe(
      'KT_KUBE_UNKNOWN_KIND: the cluster has no kind "ConfigMapp". Did you mean ConfigMap (v1)?',
    );
    expect(await fault({ kind: 'widgte' })).toContain('Did you mean Widget (one.example/v1)?');
    expect(await fault({ kind: 'Xylophone' })).toContain('CustomResourceDefinition is installed');
    expect(await fault({ kind: 'constructor' })).toContain('KT_KUBE_UNKNOWN_KIND');
  });

  it('asks for the apiVersion when two groups have the kind', async () => {
    expect(await fault({ kind: 'Twin' })).toBe(
      'KT_KUBE_UNKNOWN_KIND: the kind "Twin" exists in one.example/v1, two.example/v1. Say which one with apiVersion',
    );
    expect(await discovery.resourceFor({ apiVersion: 'two.example/v1', kind: 'Twin' })).toMatchObject({
      group: 'two.example',
    });
  });

  it('asks again for a missing kind, at most every 10 s, and finds it once it is installed', async () => {
    const late = { apiVersion: 'late.example/v1', kind: 'Late' };
    expect(await fault(late)).toContain('KT_KUBE_UNKNOWN_KIND');
    answers['/apis/late.example/v1'] = { resources: [{ name: 'lates', kind: 'Late', namespaced: true }] };
    expect(await fault(late)).toContain('KT_KUBE_UNKNOWN_KIND');
    expect(asked).toHaveLength(1);
    now = 10_000;
    expect(await fault(late)).toBe('found');
    expect(asked).toHaveLength(2);
  });
});
