import {
  type DigestKeyProvider,
  digestKeyProvider,
  DigestKeyToken,
  KubeClientToken,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import { RecordingKubeClient, type SourceWorld } from '@kube-trigger/testing/contracts';

export const { Secret } = WELL_KNOWN;

/** The digest key of these tests: 32 bytes of 7. */
export const KEY_DATA = Buffer.alloc(32, 7).toString('base64');

export interface Contents {
  /** Plain; stored in base64. */
  readonly data?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  readonly type?: string;
}

export function encoded(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
}

export function putSecret(kube: RecordingKubeClient, name: string, contents: Contents = {}): void {
  const { labels, annotations, namespace = 'shop', type = 'Opaque', data } = contents;
  const secret = { type, ...(data ? { data: encoded(data) } : {}), metadata: { name, namespace, labels, annotations } };
  kube.objects.put(Secret, secret);
}

export function removeSecret(kube: RecordingKubeClient, name: string, namespace = 'shop'): void {
  kube.objects.remove({ resource: Secret, namespace, name });
}

/** A client whose operator's namespace, `system`, has the known digest key. */
export function clientWithKey(): { kube: RecordingKubeClient; digestKey: DigestKeyProvider } {
  const kube = new RecordingKubeClient();
  const metadata = { name: 'kube-trigger-digest-key', namespace: 'system' };
  const secret = { type: 'Opaque', data: { key: KEY_DATA }, metadata };
  kube.objects.put(Secret, secret);
  return { kube, digestKey: digestKeyProvider(kube, 'system') };
}

/** The world of the contract suite, for one of the plugin's ways to choose Secrets. */
export function worldOf(config: object): SourceWorld {
  const kube = new RecordingKubeClient();
  const labels = { app: 'web' };
  const set = (value: string) =>
    putSecret(kube, 'tls', { labels, type: 'kubernetes.io/tls', data: { 'tls.key': value } });
  set('the first value');
  putSecret(kube, 'other', { labels, data: { password: 'the other value' } });
  let step = 0;
  const texts = ['the first value', 'the other value', 'changed value'];
  return {
    config,
    kube,
    register: (container) => {
      container.register(KubeClientToken, { useValue: kube });
      container.register(DigestKeyToken, { useValue: digestKeyProvider(kube, 'system') });
    },
    held: () => kube.held,
    contents: texts.flatMap((text) => [text, Buffer.from(text).toString('base64').slice(0, 16)]),
    change: () => set(`changed value ${(step += 1)}`),
    blind: () => kube.forbid('list', Secret),
    heal: () => kube.resumeWatches(),
    sabotage: () => {
      kube.watch = () => {
        throw new Error('boom');
      };
    },
  };
}
