import { KubeClientToken, WELL_KNOWN } from '@kube-trigger/kube';
import { type ActionWorld, describeActionContract, describeReadme } from '@kube-trigger/testing/contracts';
import { RecordingKubeClient } from '@kube-trigger/testing/contracts';
import plugin from './index.ts';

const GREETED = { resource: WELL_KNOWN.ConfigMap, namespace: 'shop', name: 'greeted' };

/** A cluster in memory with the ConfigMap in it. */
function world(): ActionWorld {
  const kube = new RecordingKubeClient();
  kube.objects.put(WELL_KNOWN.ConfigMap, { metadata: { namespace: 'shop', name: 'greeted' } });
  const before = kube.objects.version;
  return {
    config: { configMap: 'greeted' },
    kube,
    register: (container) => container.register(KubeClientToken, { useValue: kube }),
    touched: () => Number(kube.objects.version) - Number(before),
    held: () => kube.held,
    hang: () => {
      kube.intercept = () => new Promise(() => undefined);
    },
    faults: {
      'the ConfigMap is missing': { code: 'KT_HELLO_NOT_FOUND', arrange: () => kube.objects.remove(GREETED) },
      'patching is forbidden': {
        code: 'KT_HELLO_FAILED',
        arrange: () => kube.forbid('patch', WELL_KNOWN.ConfigMap),
      },
    },
  };
}

describeActionContract('hello', { plugin, world });
describeReadme({
  plugin,
  readme: new URL('../README.md', import.meta.url),
  packageName: 'kube-trigger-plugin-hello',
});
