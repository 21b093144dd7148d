import { collectionOf, type ResourceDefinition } from './definition.js';

/** All resources being served: the built-in ones, and those that CRDs add and remove while running. */
export class Registry {
  private readonly definitions = new Map<string, ResourceDefinition>();
  /** Counts changes, so that discovery and OpenAPI documents can be cached. */
  generation = 0;

  constructor(builtin: readonly ResourceDefinition[]) {
    for (const definition of builtin) this.definitions.set(keyOf(definition), definition);
  }

  find(group: string, version: string, plural: string): ResourceDefinition | undefined {
    return this.definitions.get(keyOf({ group, version, plural }));
  }

  findKind(group: string, version: string, kind: string): ResourceDefinition | undefined {
    return this.all().find((each) => each.group === group && each.version === version && each.kind === kind);
  }

  /** Any version of the resource stored in a collection. */
  ofCollection(collection: string): ResourceDefinition | undefined {
    return this.all().find((each) => collectionOf(each) === collection);
  }

  all(): ResourceDefinition[] {
    return [...this.definitions.values()];
  }

  /** Replaces every version of a custom resource; an empty list removes it. */
  replace(group: string, plural: string, versions: readonly ResourceDefinition[]): void {
    for (const [key, each] of this.definitions) {
      if (each.group === group && each.plural === plural) this.definitions.delete(key);
    }
    for (const definition of versions) this.definitions.set(keyOf(definition), definition);
    this.generation += 1;
  }

  /** The versions of a group, the preferred one first. */
  versions(group: string): string[] {
    return [
      ...new Set(
        this.all()
          .filter((each) => each.group === group)
          .map((each) => each.version),
      ),
    ].toSorted(compareVersions);
  }

  groups(): string[] {
    return [...new Set(this.all().map((each) => each.group))];
  }
}

function keyOf(name: { group: string; version: string; plural: string }): string {
  return `${name.group}/${name.version}/${name.plural}`;
}

/** Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1, then the rest by name. */
export function compareVersions(a: string, b: string): number {
  const left = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(a);
  const right = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(b);
  if (left === null || right === null) return left === right ? (a < b ? -1 : 1) : left === null ? 1 : -1;
  return (
    stage(right[2]) - stage(left[2]) ||
    Number(right[1]) - Number(left[1]) ||
    Number(right[3] ?? 0) - Number(left[3] ?? 0)
  );
}

function stage(word: string | undefined): number {
  return word === undefined ? 2 : word === 'beta' ? 1 : 0;
}
