import { posix } from 'node:path';
import type { TriggerEvent } from '@kube-trigger/core';
import type { Container, Pod, ProjectedObject, Volume } from './ready-pods.js';

/** What the kubelet projects into pods of its own namespace. */
export interface Mountable {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly namespace: string;
  readonly name: string;
}

/** What an event's key names, if that can be mounted and is still there. */
export function mountableOf({ key, change }: Pick<TriggerEvent, 'key' | 'change'>): Mountable | undefined {
  const [kind, namespace = '', name = '', more] = key.split('/');
  if (change === 'deleted' || name === '' || more !== undefined) return undefined;
  return kind === 'ConfigMap' || kind === 'Secret' ? { kind, namespace, name } : undefined;
}

/** One container that sees an object as files which change with it. */
export interface MountedIn {
  readonly container: string;
  /** The absolute paths of a key: several where it is mounted several times, none where `items` leaves it out. */
  readonly pathsOf: (key: string) => readonly string[];
}

/** Who in a pod sees an object; or a clause that says why nobody ever sees it change. */
export type Mounts = { readonly containers: readonly MountedIn[] } | { readonly never: string };

/**
 * The containers that can be asked, the `reader` first where it is one of them. What only the reader's own process sees counts: a mount by
 * `subPath` is never brought up to date in a running pod, whatever others see.
 */
export function mountsOf(pod: Pod, object: Mountable, reader?: string): Mounts {
  const { kind, namespace, name } = object;
  const home = pod.metadata.namespace ?? '';
  if (namespace !== home) return { never: `is in namespace ${home} and cannot mount ${nameOf(object)}` };
  const volumes = (pod.spec?.volumes ?? []).flatMap((volume) => {
    const parts = partsOf(volume, { kind, name });
    return parts.length === 0 ? [] : [{ name: volume.name, parts }];
  });
  const seen = running(pod).map((container) => mountedIn(container, volumes));
  const own = seen.find(({ container }) => container === reader);
  if (own !== undefined && own.frozen && own.paths.length === 0) return { never: frozen(own.container, object) };
  const live = seen.filter(({ paths }) => paths.length > 0);
  if (live.length > 0) {
    const first = live.toSorted((a, b) => Number(b.container === reader) - Number(a.container === reader));
    return { containers: first.map(({ container, paths }) => ({ container, pathsOf: (key) => pathsOf(paths, key) })) };
  }
  const stuck = seen.find((one) => one.frozen);
  if (stuck !== undefined) return { never: frozen(stuck.container, object) };
  return { never: `mounts no volume of ${nameOf(object)}` };
}

export function nameOf({ kind, namespace, name }: Mountable): string {
  return `${kind}/${namespace}/${name}`;
}

function frozen(container: string, object: Mountable): string {
  return `mounts ${nameOf(object)} by subPath in container "${container}"`;
}

/** Sidecars are init containers that stay. */
function running({ spec }: Pod): Container[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...sidecars];
}

/** A part of a volume that comes from the object. */
type Part = Pick<ProjectedObject, 'items'>;

function partsOf({ configMap, secret, projected }: Volume, { kind, name }: Pick<Mountable, 'kind' | 'name'>): Part[] {
  const sources = projected?.sources ?? [];
  const all: readonly (ProjectedObject | undefined)[] =
    kind === 'ConfigMap'
      ? [configMap, ...sources.map((source) => source.configMap)]
      : [secret && { ...secret, name: secret.secretName ?? '' }, ...sources.map((source) => source.secret)];
  return all.filter((part) => part !== undefined && part.name === name) as Part[];
}

interface Mounted {
  readonly container: string;
  /** Where parts of the object are whole, so that they change with it. */
  readonly paths: readonly { readonly at: string; readonly part: Part }[];
  /** Whether it also has mounts of the object that never change. */
  readonly frozen: boolean;
}

function mountedIn(
  { name, volumeMounts = [] }: Container,
  volumes: readonly { readonly name: string; readonly parts: readonly Part[] }[],
): Mounted {
  const mounts = volumeMounts.flatMap((mount) => {
    const volume = volumes.find((candidate) => candidate.name === mount.name);
    const whole = (mount.subPath ?? '') === '' && (mount.subPathExpr ?? '') === '';
    return volume === undefined ? [] : [{ at: mount.mountPath, parts: volume.parts, whole }];
  });
  return {
    container: name,
    paths: mounts.filter(({ whole }) => whole).flatMap(({ at, parts }) => parts.map((part) => ({ at, part }))),
    frozen: mounts.some(({ whole }) => !whole),
  };
}

function pathsOf(paths: Mounted['paths'], key: string): string[] {
  return paths.flatMap(({ at, part: { items } }) => {
    if (items === undefined || items === null) return [posix.join(at, key)];
    return items.filter((item) => item.key === key).map(({ path }) => posix.join(at, path));
  });
}
