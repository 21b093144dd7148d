import { KubeClientToken, WELL_KNOWN } from '@kube-trigger/kube';
import { type ActionWorld, describeActionContract, describeReadme, execResult } from '@kube-trigger/testing/contracts';
import { exec } from '../src/index.js';
import { World } from './world.js';

function world(): ActionWorld {
  const { kube, ...made } = new World();
  const deployment = { resource: WELL_KNOWN.Deployment, namespace: 'shop', name: 'web' };
  made.deployment('web');
  made.pod('web-0');
  made.pod('web-1');
  return {
    config: {
      objectRef: { kind: 'Deployment', name: 'web' },
      container: 'nginx',
      command: ['reload', '--id', '${event.id}'],
    },
    kube,
    register: (container) => void container.register(KubeClientToken, { useValue: kube }),
    touched: () => kube.commands.length,
    held: () => kube.held,
    ids: () => kube.commands.map(({ command }) => command[2] ?? ''),
    hang: () => {
      kube.onExec = () => new Promise(() => undefined);
    },
    sabotage: () => {
      kube.get = () => {
        throw new Error('boom');
      };
    },
    faults: {
      'the command fails': {
        code: 'KT_EXEC_PODS_FAILED',
        arrange: () => void (kube.onExec = () => execResult({ exitCode: 1 })),
        checked: false,
      },
      'the workload is missing': {
        code: 'KT_EXEC_WORKLOAD_NOT_FOUND',
        arrange: () => kube.objects.remove(deployment),
      },
      'no pod is ready': {
        code: 'KT_EXEC_NO_READY_PODS',
        arrange: () => ['web-0', 'web-1'].forEach((name) => made.pod(name, { ready: false })),
      },
      'listing pods is forbidden': {
        code: 'KT_KUBE_FORBIDDEN',
        arrange: () => kube.forbid('list', WELL_KNOWN.Pod),
      },
    },
  };
}

describeActionContract('exec', { plugin: exec, world });
describeReadme({
  plugin: exec,
  readme: new URL('../README.md', import.meta.url),
  packageName: '@kube-trigger/action-exec',
});
