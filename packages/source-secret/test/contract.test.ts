import { describeSourceContract } from '@kube-trigger/testing/contracts';
import secret from '../src/index.js';
import { worldOf } from './world.js';

describeSourceContract('secret by name', { plugin: secret, world: () => worldOf({ name: 'tls' }) });
describeSourceContract('secret by selector', {
  plugin: secret,
  world: () => worldOf({ selector: { matchLabels: { app: 'web' } } }),
});
describeSourceContract('secret for a whole namespace', { plugin: secret, world: () => worldOf({}) });
describeSourceContract('secret of some types', {
  plugin: secret,
  world: () =>
    worldOf({ types: ['kubernetes.io/tls', 'kubernetes.io/dockerconfigjson'], keys: { include: ['tls.*'] } }),
});
