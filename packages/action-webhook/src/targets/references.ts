import { type KubeClient, type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import type { KeySource } from '../config/schema.js';
import { isKubeNotFound, webhookError } from '../errors.js';

interface Keyed extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

type Kind = 'Secret' | 'ConfigMap';

/**
 * Reads the keys that a config names, from the rule's namespace only: a rule must not get at what its author could not mount. One
 * instance per attempt, so that a changed Secret counts at once; an object that several fields name is read once.
 */
export class References {
  readonly #objects = new Map<string, Promise<Keyed>>();

  constructor(
    private readonly kube: KubeClient,
    private readonly namespace: string,
    private readonly signal: AbortSignal,
  ) {}

  /** The key's value as text, without the line break that editors and `echo` leave at the end. */
  async text(source: KeySource): Promise<string> {
    const { secretKeyRef, configMapKeyRef } = source;
    const value =
      secretKeyRef === undefined
        ? await this.#read('ConfigMap', configMapKeyRef?.name ?? '', configMapKeyRef?.key ?? '')
        : await this.secret(secretKeyRef.name, secretKeyRef.key);
    return value.toString('utf8').replace(/\r?\n$/, '');
  }

  secret(name: string, key: string): Promise<Buffer> {
    return this.#read('Secret', name, key);
  }

  async #read(kind: Kind, name: string, key: string): Promise<Buffer> {
    const { data = {}, binaryData = {} } = await this.#object(kind, name);
    if (Object.hasOwn(data, key)) return Buffer.from(data[key] ?? '', kind === 'Secret' ? 'base64' : 'utf8');
    if (Object.hasOwn(binaryData, key)) return Buffer.from(binaryData[key] ?? '', 'base64');
    throw webhookError('KT_WEBHOOK_REFERENCE_NOT_FOUND', `${kind} ${this.namespace}/${name} has no key "${key}"`, {
      retry: 'backoff',
      fix: 'Add the key, or correct the reference',
    });
  }

  #object(kind: Kind, name: string): Promise<Keyed> {
    const id = `${kind}/${name}`;
    const known = this.#objects.get(id);
    if (known !== undefined) return known;
    const asked = this.#get(kind, name);
    this.#objects.set(id, asked);
    return asked;
  }

  async #get(kind: Kind, name: string): Promise<Keyed> {
    const { namespace, signal } = this;
    try {
      return await this.kube.get<Keyed>({ resource: WELL_KNOWN[kind], namespace, name }, { signal });
    } catch (thrown) {
      if (!isKubeNotFound(thrown)) throw thrown;
      throw webhookError('KT_WEBHOOK_REFERENCE_NOT_FOUND', `${kind} ${namespace}/${name} does not exist`, {
        retry: 'backoff',
        fix: "Create it in the rule's namespace, or correct the reference",
      });
    }
  }
}

/** `Secret "hooks" key "token"`: how messages name where a value came from. */
export function describeSource({ secretKeyRef, configMapKeyRef }: KeySource): string {
  if (secretKeyRef !== undefined) return `Secret "${secretKeyRef.name}" key "${secretKeyRef.key}"`;
  return `ConfigMap "${configMapKeyRef?.name}" key "${configMapKeyRef?.key}"`;
}
