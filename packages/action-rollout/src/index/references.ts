import { posix } from 'node:path';

/** The parts of a pod's spec that name other objects. */
export interface PodSpec {
  readonly initContainers?: readonly Container[] | null;
  readonly containers?: readonly Container[] | null;
  readonly ephemeralContainers?: readonly Container[] | null;
  readonly volumes?: readonly Volume[] | null;
  readonly imagePullSecrets?: readonly Named[] | null;
}

interface Named {
  readonly name?: string;
}
interface KeyRef extends Named {
  readonly key?: string;
}
interface Container extends Named {
  readonly env?:
    | readonly { readonly valueFrom?: { readonly configMapKeyRef?: KeyRef; readonly secretKeyRef?: KeyRef } }[]
    | null;
  readonly envFrom?: readonly { readonly configMapRef?: Named; readonly secretRef?: Named }[] | null;
  readonly volumeMounts?:
    | readonly { readonly name?: string; readonly subPath?: string; readonly subPathExpr?: string }[]
    | null;
}
type Mount = NonNullable<Container['volumeMounts']>[number];
interface Item {
  readonly key?: string;
  readonly path?: string;
}
interface Projectable extends Named {
  readonly items?: readonly Item[] | null;
}
interface Volume extends Named {
  readonly configMap?: Projectable;
  readonly secret?: { readonly secretName?: string; readonly items?: readonly Item[] | null };
  readonly projected?: {
    readonly sources?: readonly { readonly configMap?: Projectable; readonly secret?: Projectable }[] | null;
  };
  readonly csi?: {
    readonly driver?: string;
    readonly volumeAttributes?: Readonly<Record<string, string>>;
    readonly nodePublishSecretRef?: Named;
  };
  readonly [other: string]: unknown;
}

/** Which keys of an object are used; `all` when any of them may be. */
export type KeysUsed = ReadonlySet<string> | 'all';

/** `ConfigMap/app-config` → the keys used. All are in the workload's own namespace: pods cannot refer to another one. */
export type References = ReadonlyMap<string, KeysUsed>;

/** Every ConfigMap, Secret and SecretProviderClass that pods of this spec use, and which of their keys. */
export function referencesOf(spec: PodSpec): References {
  const found = new Found();
  const containers = [spec.initContainers, spec.containers, spec.ephemeralContainers].flatMap((list) => list ?? []);
  for (const { env, envFrom } of containers) {
    for (const { valueFrom } of env ?? []) {
      found.key('ConfigMap', valueFrom?.configMapKeyRef);
      found.key('Secret', valueFrom?.secretKeyRef);
    }
    for (const { configMapRef, secretRef } of envFrom ?? []) {
      found.all('ConfigMap', configMapRef?.name);
      found.all('Secret', secretRef?.name);
    }
  }
  const mounts = containers.flatMap(({ volumeMounts }) => volumeMounts ?? []);
  for (const volume of spec.volumes ?? []) {
    addVolume(
      found,
      volume,
      mounts.filter(({ name }) => name === volume.name),
    );
  }
  for (const { name } of spec.imagePullSecrets ?? []) found.all('Secret', name);
  return found.references;
}

function addVolume(found: Found, volume: Volume, mounts: readonly Mount[]): void {
  const { configMap, secret, projected, csi } = volume;
  const add = (kind: string, name: string | undefined, items: readonly Item[] | null | undefined) =>
    found.keys(kind, name, keysMounted(items ?? undefined, mounts));
  if (configMap !== undefined) add('ConfigMap', configMap.name, configMap.items);
  if (secret !== undefined) add('Secret', secret.secretName, secret.items);
  for (const source of projected?.sources ?? []) {
    add('ConfigMap', source.configMap?.name, source.configMap?.items);
    add('Secret', source.secret?.name, source.secret?.items);
  }
  found.all('SecretProviderClass', csi?.volumeAttributes?.['secretProviderClass']);
  found.all('Secret', csi?.nodePublishSecretRef?.name);
  // cephfs, rbd, iscsi, scaleIO, flexVolume, …: each names the Secret with its credentials in the same way.
  for (const source of Object.values(volume)) found.all('Secret', (source as VolumeSource | null)?.secretRef?.name);
  found.all('Secret', (volume['azureFile'] as { secretName?: string } | undefined)?.secretName);
}

interface VolumeSource {
  readonly secretRef?: Named;
}

/** The keys that containers see. Nobody sees those of a volume that is not mounted. */
function keysMounted(items: readonly Item[] | undefined, mounts: readonly Mount[]): KeysUsed {
  const used = new Set<string>();
  for (const mount of mounts) {
    const subPath = cleaned(mount.subPath);
    const whole = subPath === '.' || (mount.subPathExpr ?? '') !== '';
    if (items === undefined) {
      if (whole) return 'all';
      // Without items every key is a file of its own name, in no directory.
      used.add(subPath);
      continue;
    }
    for (const { key = '', path: said = key } of items) {
      const path = cleaned(said);
      if (whole || path === subPath || path.startsWith(`${subPath}/`)) used.add(key);
    }
  }
  return used;
}

/** As the kubelet reads it: `./a/` is `a`, and none is `.`, the whole volume. */
function cleaned(path = ''): string {
  return posix.normalize(path).replace(/\/$/, '');
}

class Found {
  readonly references = new Map<string, KeysUsed>();

  key(kind: string, ref: KeyRef | undefined): void {
    if (ref?.key !== undefined) this.keys(kind, ref.name, new Set([ref.key]));
  }

  all(kind: string, name: string | undefined): void {
    this.keys(kind, name, 'all');
  }

  keys(kind: string, name: string | undefined, keys: KeysUsed): void {
    if (name === undefined || name === '') return;
    const object = `${kind}/${name}`;
    const known = this.references.get(object) ?? new Set<string>();
    this.references.set(object, keys === 'all' || known === 'all' ? 'all' : new Set([...known, ...keys]));
  }
}

/** Whether a change of these keys (undefined: unknown, so any) is seen by who uses `used`. */
export function isAffected(used: KeysUsed, changedKeys: readonly string[] | undefined): boolean {
  if (used === 'all') return true;
  return changedKeys === undefined ? used.size > 0 : changedKeys.some((key) => used.has(key));
}
