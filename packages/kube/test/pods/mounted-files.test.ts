import { describe, expect, it } from 'vitest';
import { type Mountable, mountableOf, mountsOf } from '../../src/pods/mounted-files.js';
import type { Container, Pod, Volume } from '../../src/pods/ready-pods.js';

const APP: Mountable = { kind: 'ConfigMap', namespace: 'shop', name: 'app' };

type Mount = NonNullable<Container['volumeMounts']>[number];

function pod(volumes: Volume[], containers: Readonly<Record<string, Mount[]>>, sidecars: string[] = []): Pod {
  const all = Object.entries(containers).map(([name, volumeMounts]) => ({ name, volumeMounts }));
  const isSidecar = ({ name }: { name: string }) => sidecars.includes(name);
  return {
    metadata: { name: 'web-0', namespace: 'shop' },
    spec: {
      volumes,
      containers: all.filter((one) => !isSidecar(one)),
      initContainers: all.filter(isSidecar).map((one) => ({ ...one, restartPolicy: 'Always' })),
    },
  };
}

/** By container in the order in which they are asked: the paths of these keys. */
function seen(of: Pod, object = APP, reader?: string): Record<string, string[]> | string {
  const mounts = mountsOf(of, object, reader);
  if ('never' in mounts) return mounts.never;
  const keys = ['a.conf', 'b.conf'];
  return Object.fromEntries(
    mounts.containers.map(({ container, pathsOf }) => [container, keys.flatMap((key) => pathsOf(key))]),
  );
}

const volume: Volume = { name: 'config', configMap: { name: 'app' } };
const mount = { name: 'config', mountPath: '/etc/app' };

describe('what an event is about', () => {
  it.each([
    ['ConfigMap/shop/app', 'updated', APP],
    ['Secret/shop/app', 'created', { ...APP, kind: 'Secret' }],
    ['ConfigMap/shop/app', 'occurred', APP],
    ['ConfigMap/shop/app', 'deleted', undefined],
    ['Timer/shop/example/nightly', 'occurred', undefined],
    ['Theme/shop/app', 'updated', undefined],
    ['manual', 'occurred', undefined],
  ] as const)('%s %s', (key, change, object) => expect(mountableOf({ key, change })).toEqual(object));
});

describe('where a pod sees an object', () => {
  it('in each container that mounts the volume, under the names of its keys', () => {
    const paths = ['/etc/app/a.conf', '/etc/app/b.conf'];
    expect(seen(pod([volume], { web: [mount], helper: [] }))).toEqual({ web: paths });
    expect(seen(pod([volume], { web: [], proxy: [mount] }, ['proxy']))).toEqual({ proxy: paths });
  });

  it('first in the container that reads it', () => {
    const both = pod([volume], { helper: [mount], web: [mount] });
    expect(Object.keys(seen(both, APP, 'web'))).toEqual(['web', 'helper']);
    expect(Object.keys(seen(both, APP, 'other'))).toEqual(['helper', 'web']);
  });

  it('under the paths of `items`, and not where they leave a key out', () => {
    const items = [{ key: 'a.conf', path: 'conf.d/first.conf' }];
    expect(seen(pod([{ ...volume, configMap: { name: 'app', items } }], { web: [mount] }))).toEqual({
      web: ['/etc/app/conf.d/first.conf'],
    });
  });

  it('in projected volumes, and in a Secret by its name there and here', () => {
    const projected: Volume = {
      name: 'config',
      projected: {
        sources: [{ secret: { name: 'app', items: [{ key: 'b.conf', path: 'b' }] } }, { configMap: { name: 'app' } }],
      },
    };
    const web = pod([projected, { name: 'tls', secret: { secretName: 'tls' } }], {
      web: [mount, { name: 'tls', mountPath: '/tls/' }],
    });
    expect(seen(web)).toEqual({ web: ['/etc/app/a.conf', '/etc/app/b.conf'] });
    expect(seen(web, { ...APP, kind: 'Secret' })).toEqual({ web: ['/etc/app/b'] });
    expect(seen(web, { ...APP, kind: 'Secret', name: 'tls' })).toEqual({ web: ['/tls/a.conf', '/tls/b.conf'] });
  });

  it('at every place where it is mounted', () => {
    const twice = pod([volume], { web: [mount, { ...mount, mountPath: '/srv' }] });
    expect(seen(twice)).toEqual({ web: ['/etc/app/a.conf', '/srv/a.conf', '/etc/app/b.conf', '/srv/b.conf'] });
  });
});

describe('who never sees a change', () => {
  const part = { ...mount, mountPath: '/etc/app/a.conf', subPath: 'a.conf' };

  it.each<[string, Pod, Mountable, string?]>([
    ['mounts no volume of ConfigMap/shop/app', pod([], { web: [] }), APP],
    ['mounts no volume of Secret/shop/app', pod([volume], { web: [mount] }), { ...APP, kind: 'Secret' }],
    ['is in namespace shop and cannot mount', pod([volume], { web: [mount] }), { ...APP, namespace: 'other' }],
    ['by subPath in container "web"', pod([volume], { web: [part] }), APP],
    ['by subPath', pod([volume], { web: [{ ...mount, subPathExpr: '$(POD)' }] }), APP],
    ['by subPath in container "web"', pod([volume], { web: [part], helper: [mount] }), APP, 'web'],
  ])('who %s', (clause, of, object, reader) => expect(seen(of, object, reader)).toContain(clause));

  it('but not a pod whose other containers have mounts by subPath', () => {
    expect(Object.keys(seen(pod([volume], { web: [mount], helper: [part] }), APP, 'web'))).toEqual(['web']);
    expect(Object.keys(seen(pod([volume], { web: [mount, part] }), APP, 'web'))).toEqual(['web']);
  });
});
