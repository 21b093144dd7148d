import { KubeClientToken, WELL_KNOWN } from '@kube-trigger/kube';
import { RecordingKubeClient, type SourceWorld } from '@kube-trigger/testing/contracts';

export const { Deployment } = WELL_KNOWN;
export const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment' };

/** The world of the contract suite, for one of the plugin's ways to choose objects. The rights are the rules' choice, so none are declared. */
export function worldOf(config: object): SourceWorld {
  const kube = new RecordingKubeClient();
  const labels = { app: 'web' };
  const put = (name: string, value: string) => {
    const object = { metadata: { name, namespace: 'shop', labels }, spec: { text: value } };
    kube.objects.put(Deployment, object);
  };
  put('web', 'the first value');
  put('other', 'the other value');
  let step = 0;
  return {
    config: { ...DEPLOYMENT, ...config },
    register: (container) => container.register(KubeClientToken, { useValue: kube }),
    held: () => kube.held,
    contents: ['the first value', 'the other value', 'changed value'],
    change: () => put('web', `changed value ${(step += 1)}`),
    blind: () => kube.forbid('list', Deployment),
    heal: () => kube.resumeWatches(),
    sabotage: () => {
      kube.watch = () => {
        throw new Error('boom');
      };
    },
  };
}
