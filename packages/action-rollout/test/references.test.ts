import { describe, expect, it } from 'vitest';
import { isAffected, type PodSpec, referencesOf } from '../src/index/references.js';

/** `ConfigMap/a: all`, `Secret/b: key, other`. */
function said(spec: PodSpec): string[] {
  const lines = [...referencesOf(spec)].map(([object, used]) => {
    return `${object}: ${used === 'all' ? 'all' : [...used].toSorted().join(', ')}`;
  });
  return lines.toSorted();
}

const container = (more: object): PodSpec => ({ containers: [{ name: 'a', ...more }] });
const volume = (source: object, ...mounts: object[]): PodSpec => ({
  ...container({ volumeMounts: mounts.map((mount) => ({ name: 'v', mountPath: '/v', ...mount })) }),
  volumes: [{ name: 'v', ...source }],
});
const CM = { configMap: { name: 'cm' } };

describe('what a pod template uses', () => {
  it.each<[string, PodSpec, string[]]>([
    ['nothing', container({}), []],
    [
      'single keys in env',
      container({
        env: [
          { name: 'A', value: 'plain' },
          { name: 'B', valueFrom: { configMapKeyRef: { name: 'cm', key: 'b' } } },
          { name: 'C', valueFrom: { configMapKeyRef: { name: 'cm', key: 'c' } } },
          { name: 'D', valueFrom: { secretKeyRef: { name: 's', key: 'd' } } },
          { name: 'E', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        ],
      }),
      ['ConfigMap/cm: b, c', 'Secret/s: d'],
    ],
    [
      'all keys in envFrom, whatever else uses one of them',
      container({
        env: [{ name: 'B', valueFrom: { configMapKeyRef: { name: 'cm', key: 'b' } } }],
        envFrom: [{ configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }],
      }),
      ['ConfigMap/cm: all', 'Secret/s: all'],
    ],
    [
      'init and ephemeral containers',
      {
        initContainers: [{ envFrom: [{ configMapRef: { name: 'init' } }] }],
        ephemeralContainers: [{ envFrom: [{ secretRef: { name: 'debug' } }] }],
      },
      ['ConfigMap/init: all', 'Secret/debug: all'],
    ],
    ['a volume as a whole', volume(CM, {}), ['ConfigMap/cm: all']],
    ['one file of a volume', volume(CM, { subPath: 'app.conf' }), ['ConfigMap/cm: app.conf']],
    ['one file, written in a roundabout way', volume(CM, { subPath: './app.conf/' }), ['ConfigMap/cm: app.conf']],
    ['the volume itself as a path of it', volume(CM, { subPath: './' }), ['ConfigMap/cm: all']],
    ['a volume that is mounted as a whole as well', volume(CM, { subPath: 'app.conf' }, {}), ['ConfigMap/cm: all']],
    ['a path that is known to the kubelet only', volume(CM, { subPathExpr: '$(POD)' }), ['ConfigMap/cm: all']],
    ['a volume that nobody mounts', volume(CM), ['ConfigMap/cm: ']],
    [
      'the items of a volume',
      volume(
        {
          secret: {
            secretName: 's',
            items: [
              { key: 'crt', path: 'tls/crt' },
              { key: 'key', path: 'k' },
            ],
          },
        },
        {},
      ),
      ['Secret/s: crt, key'],
    ],
    [
      'a directory out of the items',
      volume(
        {
          secret: {
            secretName: 's',
            items: [
              { key: 'crt', path: 'tls/crt' },
              { key: 'key', path: 'k' },
            ],
          },
        },
        { subPath: 'tls' },
      ),
      ['Secret/s: crt'],
    ],
    [
      'a directory of items, written in a roundabout way',
      volume(
        {
          configMap: {
            name: 'cm',
            items: [
              { key: 'a', path: './conf/a' },
              { key: 'b', path: 'b' },
            ],
          },
        },
        { subPath: 'conf//' },
      ),
      ['ConfigMap/cm: a'],
    ],
    [
      'projected volumes',
      volume(
        {
          projected: {
            sources: [
              { configMap: { name: 'cm', items: [{ key: 'a', path: 'a' }] } },
              { secret: { name: 's' } },
              { serviceAccountToken: { path: 'token' } },
            ],
          },
        },
        {},
      ),
      ['ConfigMap/cm: a', 'Secret/s: all'],
    ],
    [
      'volumes of CSI drivers',
      volume({
        csi: {
          driver: 'secrets-store.csi.k8s.io',
          volumeAttributes: { secretProviderClass: 'vault' },
          nodePublishSecretRef: { name: 'login' },
        },
      }),
      ['Secret/login: all', 'SecretProviderClass/vault: all'],
    ],
    [
      'credentials of other volumes',
      {
        volumes: [
          { name: 'a', cephfs: { secretRef: { name: 'ceph' } } },
          { name: 'b', azureFile: { secretName: 'azure' } },
          { name: 'c', emptyDir: {} },
        ],
      },
      ['Secret/azure: all', 'Secret/ceph: all'],
    ],
    ['image pull secrets', { imagePullSecrets: [{ name: 'registry' }, {}] }, ['Secret/registry: all']],
    ['nulls where lists could be', { containers: null, volumes: null, imagePullSecrets: null }, []],
  ])('%s', (_, spec, expected) => {
    expect(said(spec)).toEqual(expected);
  });
});

describe('a change of keys', () => {
  it.each<[boolean, Parameters<typeof isAffected>]>([
    [true, ['all', ['a']]],
    [true, ['all', undefined]],
    [true, [new Set(['a', 'b']), ['b', 'c']]],
    [false, [new Set(['a']), ['b']]],
    [true, [new Set(['a']), undefined]],
    [false, [new Set(), undefined]],
  ])('is seen: %s, %o', (expected, [used, changed]) => {
    expect(isAffected(used, changed)).toBe(expected);
  });
});
