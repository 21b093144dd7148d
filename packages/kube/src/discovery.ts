import { isTriggerError, TriggerError } from '@kube-trigger/core';
import type { RawRequest } from './client.js';
import { apiVersionOf, type Resource } from './model.js';
import { WELL_KNOWN } from './well-known.js';

/** A kind that is not there is asked for again at most this often, per group-version. */
const MISS_INTERVAL_MS = 10_000;

interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

interface GroupList {
  readonly groups?: readonly {
    readonly name: string;
    readonly preferredVersion?: { readonly groupVersion: string };
    readonly versions?: readonly { readonly groupVersion: string }[];
  }[];
}

interface Listing {
  readonly resources: readonly Resource[];
  readonly askedAt: number;
}

/** Finds the coordinates of kinds. Found ones are kept for good; a miss is looked up again after a while (a CRD may be installed). */
export class Discovery {
  readonly #listings = new Map<string, Promise<Listing>>();
  #groups: Promise<{ readonly versions: readonly string[]; readonly askedAt: number }> | undefined;

  constructor(
    private readonly request: <T>(raw: RawRequest) => Promise<T>,
    private readonly now: () => number,
  ) {}

  async resourceFor(type: { readonly apiVersion?: string | undefined; readonly kind: string }): Promise<Resource> {
    const known = wellKnown(type);
    if (known !== undefined) return known;
    const versions = type.apiVersion === undefined ? await this.#allVersions() : [type.apiVersion];
    const listings = await inBatches(versions, (version) => this.#listing(version, type.kind));
    const ofKind = listings.flatMap(({ resources }) => resources.filter(({ kind }) => kind === type.kind));
    // A group's preferred version comes first; its others repeat the kind or have kinds of their own.
    const found = ofKind.filter(({ group }, index) => ofKind.findIndex((other) => other.group === group) === index);
    const [only, second] = found;
    if (only === undefined) throw unknownKind(type, listings);
    if (second !== undefined && type.apiVersion === undefined) throw ambiguousKind(type.kind, found);
    return only;
  }

  async #allVersions(): Promise<readonly string[]> {
    const cached = await this.#groups;
    if (cached !== undefined && this.now() - cached.askedAt < MISS_INTERVAL_MS) return cached.versions;
    const asking = this.request<GroupList>({ path: '/apis' }).then(({ groups }) => ({
      versions: ['v1', ...(groups ?? []).flatMap((group) => versionsOf(group))],
      askedAt: this.now(),
    }));
    this.#groups = asking;
    asking.catch(() => (this.#groups = undefined));
    return (await asking).versions;
  }

  async #listing(groupVersion: string, wanted: string): Promise<Listing> {
    const cached = await this.#listings.get(groupVersion);
    if (cached !== undefined) {
      const fresh = this.now() - cached.askedAt < MISS_INTERVAL_MS;
      if (fresh || cached.resources.some(({ kind }) => kind === wanted)) return cached;
    }
    const asking = this.#ask(groupVersion).then((resources) => ({ resources, askedAt: this.now() }));
    this.#listings.set(groupVersion, asking);
    asking.catch(() => this.#listings.delete(groupVersion));
    return asking;
  }

  async #ask(groupVersion: string): Promise<readonly Resource[]> {
    const slash = groupVersion.indexOf('/');
    const group = slash < 0 ? '' : groupVersion.slice(0, slash);
    const version = groupVersion.slice(slash + 1);
    const path =
      slash < 0
        ? `/api/${encodeURIComponent(version)}`
        : `/apis/${encodeURIComponent(group)}/${encodeURIComponent(version)}`;
    try {
      const { resources } = await this.request<ResourceList>({ path });
      return (resources ?? [])
        .filter(({ name }) => !name.includes('/'))
        .map(({ name, kind, namespaced }) => ({ group, version, plural: name, kind, namespaced }));
    } catch (error) {
      // No such group-version, or an aggregated API whose server is down: its kinds are unknown, others are not.
      if (isTriggerError(error) && ['KT_KUBE_NOT_FOUND', 'KT_KUBE_SERVER_ERROR'].includes(error.code)) return [];
      throw error;
    }
  }
}

/** A cluster may have a hundred group-versions: not all at once. */
async function inBatches<A, B>(items: readonly A[], work: (item: A) => Promise<B>): Promise<B[]> {
  const done: B[] = [];
  for (let at = 0; at < items.length; at += 8) done.push(...(await Promise.all(items.slice(at, at + 8).map(work))));
  return done;
}

/** The preferred one first. */
function versionsOf({ preferredVersion, versions = [] }: NonNullable<GroupList['groups']>[number]): string[] {
  const preferred = preferredVersion === undefined ? [] : [preferredVersion.groupVersion];
  return [...new Set([...preferred, ...versions.map(({ groupVersion }) => groupVersion)])];
}

function wellKnown(type: { readonly apiVersion?: string | undefined; readonly kind: string }): Resource | undefined {
  const resource = Object.hasOwn(WELL_KNOWN, type.kind) ? WELL_KNOWN[type.kind as keyof typeof WELL_KNOWN] : undefined;
  if (resource === undefined) return undefined;
  return type.apiVersion === undefined || type.apiVersion === apiVersionOf(resource) ? resource : undefined;
}

function unknownKind(
  type: { readonly apiVersion?: string | undefined; readonly kind: string },
  listings: readonly Listing[],
): TriggerError {
  const found = listings.flatMap(({ resources }) => resources);
  const candidates = [...Object.values(WELL_KNOWN), ...found];
  const nearest = candidates
    .map((resource) => ({ resource, far: distance(resource.kind.toLowerCase(), type.kind.toLowerCase()) }))
    .toSorted((a, b) => a.far - b.far)[0];
  const close = nearest !== undefined && nearest.far <= Math.max(2, type.kind.length / 3);
  const where = type.apiVersion === undefined ? '' : ` in ${type.apiVersion}`;
  const hint = close
    ? `Did you mean ${nearest.resource.kind} (${apiVersionOf(nearest.resource)})?`
    : 'Check the spelling and whether its CustomResourceDefinition is installed';
  return new TriggerError('KT_KUBE_UNKNOWN_KIND', `the cluster has no kind "${type.kind}"${where}`, {
    retry: 'backoff',
    fix: hint,
  });
}

function ambiguousKind(kind: string, found: readonly Resource[]): TriggerError {
  const versions = found.map(apiVersionOf).join(', ');
  return new TriggerError('KT_KUBE_UNKNOWN_KIND', `the kind "${kind}" exists in ${versions}`, {
    retry: 'backoff',
    fix: 'Say which one with apiVersion',
  });
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
