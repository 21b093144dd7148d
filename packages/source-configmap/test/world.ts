import { KubeClientToken, WELL_KNOWN } from '@kube-trigger/kube';
import { RecordingKubeClient } from '@kube-trigger/testing/contracts';
import type { SourceWorld } from '@kube-trigger/testing/contracts';

export const { ConfigMap } = WELL_KNOWN;

export interface Contents {
  readonly data?: Record<string, string>;
  readonly binaryData?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly namespace?: string;
}

export function putConfigMap(kube: RecordingKubeClient, name: string, contents: Contents = {}): void {
  const { labels, annotations, namespace = 'shop', ...body } = contents;
  kube.objects.put(ConfigMap, { ...body, metadata: { name, namespace, labels, annotations } });
}

export function removeConfigMap(kube: RecordingKubeClient, name: string, namespace = 'shop'): void {
  kube.objects.remove({ resource: ConfigMap, namespace, name });
}

/** The world of the contract suite, for one of the plugin's three ways to choose ConfigMaps. */
export function worldOf(config: object): SourceWorld {
  const kube = new RecordingKubeClient();
  const labels = { app: 'web' };
  const set = (value: string) => putConfigMap(kube, 'app-config', { labels, data: { 'app.conf': value } });
  set('the first value');
  putConfigMap(kube, 'other', { labels, data: { password: 'the other value' } });
  let step = 0;
  return {
    config,
    kube,
    register: (container) => container.register(KubeClientToken, { useValue: kube }),
    held: () => kube.held,
    contents: ['the first value', 'the other value', 'changed value'],
    change: () => set(`changed value ${(step += 1)}`),
    blind: () => kube.forbid('list', ConfigMap),
    heal: () => kube.resumeWatches(),
    sabotage: () => {
      kube.watch = () => {
        throw new Error('boom');
      };
    },
  };
}
