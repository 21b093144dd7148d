import { KubeClientToken, WELL_KNOWN } from '@kube-trigger/kube';
import { describeActionContract, describeReadme, type ActionWorld } from '@kube-trigger/testing/contracts';
import { webhook, WebhookNetworkToken } from '../src/index.js';
import { Bench } from './support/bench.js';
import { Receiver, status } from './support/receiver.js';

async function world(): Promise<ActionWorld> {
  const receiver = await Receiver.start();
  const { kube, ...bench } = new Bench();
  const fill = (data: Record<string, string>) =>
    kube.objects.put(WELL_KNOWN.Secret, { metadata: { namespace: 'shop', name: 'hooks' }, data } as object as never);
  const full = { token: btoa('Bearer abc'), signing: btoa(`whsec_${btoa('0123456789abcdef01234567')}`) };
  fill(full);
  return {
    config: {
      url: `${receiver.origin}/hook`,
      headers: [{ name: 'Authorization', valueFrom: { secretKeyRef: { name: 'hooks', key: 'token' } } }],
      signature: { secretKeyRef: { name: 'hooks', key: 'signing' } },
    },
    kube,
    register: (container) => {
      container.register(KubeClientToken, { useValue: kube });
      container.register(WebhookNetworkToken, { useValue: { allowLoopback: true } });
    },
    touched: () => receiver.received.length,
    held: () => kube.held + receiver.pending,
    ids: () => receiver.received.map(({ headers }) => String(headers['webhook-id'])),
    hang: () => {
      receiver.respond = () => undefined;
    },
    sabotage: () => {
      kube.get = () => {
        throw new Error('boom');
      };
    },
    faults: {
      'the receiver refuses': {
        code: 'KT_WEBHOOK_STATUS',
        arrange: () => {
          receiver.respond = status(500);
        },
        checked: false,
      },
      'nobody listens': {
        code: 'KT_WEBHOOK_UNREACHABLE',
        arrange: () => receiver[Symbol.asyncDispose](),
        checked: false,
      },
      'the Secret is missing': {
        code: 'KT_WEBHOOK_REFERENCE_NOT_FOUND',
        arrange: () => kube.objects.remove({ resource: WELL_KNOWN.Secret, namespace: 'shop', name: 'hooks' }),
      },
      'the key is missing': {
        code: 'KT_WEBHOOK_REFERENCE_NOT_FOUND',
        arrange: () => void fill({ token: full.token }),
      },
      'the signing key is none': {
        code: 'KT_WEBHOOK_REFERENCE_INVALID',
        arrange: () => void fill({ ...full, signing: btoa('whsec_short') }),
      },
      'reading Secrets is forbidden': {
        code: 'KT_KUBE_FORBIDDEN',
        arrange: () => kube.forbid('get', WELL_KNOWN.Secret),
      },
    },
    dispose: async () => {
      await bench.action.dispose();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

describeActionContract('webhook', { plugin: webhook, world });
describeReadme({
  plugin: webhook,
  readme: new URL('../README.md', import.meta.url),
  packageName: '@kube-trigger/action-webhook',
});
