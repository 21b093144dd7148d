import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { toTriggerError } from '@kube-trigger/core';
import { apiVersionOf, type KubeClient, type KubeObject, type ObjectRef, WELL_KNOWN } from '@kube-trigger/kube';
import { TRIGGER_RULE } from '@kube-trigger/operator';
import { parseAllDocuments } from 'yaml';
import type { Line } from './protocol.js';

interface Manifest extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
}

const APPLY = { type: 'apply', fieldManager: 'kube-trigger-dev', force: true } as const;
/** A kind that was just defined is served a moment later, and looked for again after ten seconds. */
const SERVED_WITHIN_MS = 12_000;
const LOOK_AGAIN_MS = 100;

/** Files' objects in a cluster: applied, applied again after an edit, and deleted with their text. */
export class Manifests {
  /** What was last applied, by what messages call it. */
  #applied = new Map<string, { readonly ref: ObjectRef; readonly text: string }>();

  constructor(
    private readonly kube: KubeClient,
    private readonly paths: readonly string[],
    private readonly say: (line: Line) => void,
  ) {}

  /** Says what it changed, and what is wrong with the files or refused by the server. Never rejects. */
  async apply(): Promise<void> {
    const files = this.paths.flatMap((path) => this.#filesOf(path)).map((file) => ({ file, found: this.#read(file) }));
    const manifests = files.flatMap(({ file, found = [] }) => found.map((manifest) => ({ file, manifest })));
    const changed: string[] = [];
    // Definitions and namespaces are needed by what comes after them.
    for (const { file, manifest } of manifests.toSorted((a, b) => rank(a.manifest) - rank(b.manifest))) {
      try {
        if (await this.#applyOne(manifest)) changed.push(nameOf(manifest));
      } catch (thrown) {
        this.#complain(`${file}: ${nameOf(manifest)}: ${toTriggerError(thrown).explanation}`);
      }
    }
    if (changed.length > 0) this.say({ about: 'applied', text: changed.join(', ') });
    // Half an edit is no deletion.
    if (files.every(({ found }) => found !== undefined))
      await this.#deleteOthers(new Set(manifests.map(({ manifest }) => nameOf(manifest))));
  }

  #filesOf(path: string): string[] {
    try {
      if (!statSync(path).isDirectory()) return [path];
      const names = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name));
      if (names.length === 0) this.#complain(`${path}: there is no .yaml, .yml or .json file in it`);
      return names.toSorted().map((name) => join(path, name));
    } catch (thrown) {
      this.#complain(inWords(thrown));
      return [];
    }
  }

  /** Undefined: the file cannot be read. */
  #read(file: string): readonly Manifest[] | undefined {
    try {
      const documents = parseAllDocuments(readFileSync(file, 'utf8'));
      const [error] = documents.flatMap(({ errors }) => errors);
      if (error !== undefined) throw error;
      const objects = documents.map((document) => document.toJS() as unknown).filter((object) => object !== null);
      if (objects.every(isManifest)) return objects;
      throw new Error('a document in it is no object with apiVersion, kind and metadata.name');
    } catch (thrown) {
      this.#complain(`${file}: ${inWords(thrown)}`);
      return undefined;
    }
  }

  /** Whether it is another one than before. */
  async #applyOne(manifest: Manifest): Promise<boolean> {
    const { apiVersion, kind } = manifest;
    const isRule = kind === TRIGGER_RULE.kind && apiVersion === apiVersionOf(TRIGGER_RULE);
    const ref = await whenServed(async () => {
      const resource = isRule ? TRIGGER_RULE : await this.kube.resourceFor(manifest);
      const namespace = resource.namespaced ? (manifest.metadata.namespace ?? 'default') : undefined;
      const object: ObjectRef = { resource, namespace, name: manifest.metadata.name ?? '' };
      if (namespace !== undefined) await this.#ensureNamespace(namespace);
      await this.kube.patch(object, manifest, APPLY);
      return object;
    });
    const text = JSON.stringify(manifest);
    const isChanged = this.#applied.get(nameOf(manifest))?.text !== text;
    this.#applied.set(nameOf(manifest), { ref, text });
    return isChanged;
  }

  async #ensureNamespace(name: string): Promise<void> {
    const ref = { resource: WELL_KNOWN.Namespace, name };
    await this.kube.patch(ref, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, APPLY);
  }

  async #deleteOthers(kept: ReadonlySet<string>): Promise<void> {
    for (const [name, { ref }] of this.#applied) {
      if (kept.has(name)) continue;
      this.#applied.delete(name);
      try {
        await this.kube.delete(ref);
        this.say({ about: 'deleted', text: name });
      } catch (thrown) {
        const { code, explanation } = toTriggerError(thrown);
        if (code !== 'KT_KUBE_NOT_FOUND') this.#complain(`${name}: ${explanation}`);
      }
    }
  }

  #complain(text: string): void {
    this.say({ about: 'files', text, tone: 'bad' });
  }
}

/** Tries again while the server does not know the kind, which may have been defined a moment ago. */
async function whenServed<T>(work: () => Promise<T>): Promise<T> {
  for (const endMs = Date.now() + SERVED_WITHIN_MS; ;) {
    try {
      return await work();
    } catch (thrown) {
      const isUnknown = ['KT_KUBE_UNKNOWN_KIND', 'KT_KUBE_NOT_FOUND'].includes(toTriggerError(thrown).code);
      if (!isUnknown || Date.now() > endMs) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
}

function rank({ kind }: Manifest): number {
  const order = ['CustomResourceDefinition', 'Namespace'];
  return order.includes(kind) ? order.indexOf(kind) : order.length;
}

function nameOf({ kind, metadata: { namespace, name } }: Manifest): string {
  return [kind, [namespace, name].filter((part) => part !== undefined).join('/')].join(' ');
}

function isManifest(object: unknown): object is Manifest {
  const { apiVersion, kind, metadata } = (object ?? {}) as Partial<Record<string, unknown>>;
  const { name } = (metadata ?? {}) as { name?: unknown };
  return [apiVersion, kind, name].every((text) => typeof text === 'string' && text !== '');
}

function inWords(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
