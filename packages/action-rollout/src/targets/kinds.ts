import { isTriggerError } from '@kube-trigger/core';
import { apiVersionOf, type KubeClient, type Resource, WELL_KNOWN } from '@kube-trigger/kube';

/** How a rule names a kind. */
export interface KindRef {
  readonly apiVersion?: string | undefined;
  readonly kind: string;
  /** Where its pod template is; only for kinds that are not known here. */
  readonly podTemplatePath?: string | undefined;
}

export interface Kind {
  readonly kind: string;
  /** In the order in which they are looked for: the first one that the cluster has is used. */
  readonly apiVersions: readonly string[];
  /** Segments from the object's root to its pod template. */
  readonly templatePath: readonly string[];
  /** What `kubectl rollout restart` or the kind's own tool does to it; undefined where nothing does. */
  readonly restart: 'template' | 'restartAt' | undefined;
  /** Its own progress is understood; false for custom kinds. */
  readonly known: boolean;
}

const TEMPLATE = ['spec', 'template'];

const apps = (kind: string): Kind => ({
  kind,
  apiVersions: ['apps/v1'],
  templatePath: TEMPLATE,
  restart: 'template',
  known: true,
});

const KINDS: Readonly<Record<string, Kind>> = {
  Deployment: apps('Deployment'),
  StatefulSet: apps('StatefulSet'),
  DaemonSet: apps('DaemonSet'),
  CronJob: {
    kind: 'CronJob',
    apiVersions: ['batch/v1', 'batch/v1beta1'],
    templatePath: ['spec', 'jobTemplate', 'spec', 'template'],
    restart: undefined,
    known: true,
  },
  Rollout: {
    kind: 'Rollout',
    apiVersions: ['argoproj.io/v1alpha1'],
    templatePath: TEMPLATE,
    restart: 'restartAt',
    known: true,
  },
};

/** A pod is meant as such by `strategy: evict` alone. Its own fields are where others have a template. */
export const POD: Kind = { kind: 'Pod', apiVersions: ['v1'], templatePath: [], restart: undefined, known: true };

export function isPod(kind: Kind): boolean {
  return kind.known && kind.kind === POD.kind;
}

export const KNOWN_KINDS: readonly string[] = Object.keys(KINDS);

/** The kinds that `referencing` looks at unless told otherwise. A CronJob's next run reads the new state anyway. */
export const DEFAULT_KINDS: readonly KindRef[] = ['Deployment', 'StatefulSet', 'DaemonSet'].map((kind) => ({ kind }));

/** The kinds that a config rolls. */
export function kindsIn(config: {
  readonly objectRef?: KindRef | undefined;
  readonly selector?: KindRef | undefined;
  readonly kinds?: readonly KindRef[] | undefined;
}): readonly KindRef[] {
  const named = config.objectRef ?? config.selector;
  return named === undefined ? (config.kinds ?? DEFAULT_KINDS) : [named];
}

/** A kind that is known here, told by its name and, where one is written, its API group. */
export function knownKind({ kind, apiVersion }: KindRef): Kind | undefined {
  const known = kind === POD.kind ? POD : Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (known === undefined || apiVersion === undefined) return known;
  return known.apiVersions.some((version) => groupOf(version) === groupOf(apiVersion)) ? known : undefined;
}

/** Any kind: what is not known here rolls by the pod template at its path. */
export function kindOf(ref: KindRef): Kind {
  const known = knownKind(ref);
  if (known !== undefined) {
    return ref.apiVersion === undefined ? known : { ...known, apiVersions: [ref.apiVersion] };
  }
  return {
    kind: ref.kind,
    apiVersions: ref.apiVersion === undefined ? [] : [ref.apiVersion],
    templatePath: ref.podTemplatePath?.split('.') ?? TEMPLATE,
    restart: 'template',
    known: false,
  };
}

type Sought = Pick<Kind, 'kind' | 'apiVersions'>;

/** Undefined where the cluster has to be asked. */
export function wellKnownResourceOf({ kind, apiVersions }: Sought): Resource | undefined {
  return Object.values(WELL_KNOWN).find(
    (resource) => resource.kind === kind && apiVersions.includes(apiVersionOf(resource)),
  );
}

/** Rejects with `KT_KUBE_UNKNOWN_KIND` while the cluster does not have the kind. */
export async function resourceOf(kube: KubeClient, { kind, apiVersions }: Sought): Promise<Resource> {
  const wellKnown = wellKnownResourceOf({ kind, apiVersions });
  if (wellKnown !== undefined) return wellKnown;
  const [first, ...others] = apiVersions;
  try {
    return await kube.resourceFor({ apiVersion: first, kind });
  } catch (thrown) {
    const missing = isTriggerError(thrown) && thrown.code === 'KT_KUBE_UNKNOWN_KIND';
    if (!missing || others.length === 0) throw thrown;
    return resourceOf(kube, { kind, apiVersions: others });
  }
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}
