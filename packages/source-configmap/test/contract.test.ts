import { describeReadme, describeSourceContract } from '@kube-trigger/testing/contracts';
import configMap from '../src/index.js';
import { worldOf } from './world.js';

describeSourceContract('configMap by name', { plugin: configMap, world: () => worldOf({ name: 'app-config' }) });
describeSourceContract('configMap by selector', {
  plugin: configMap,
  world: () => worldOf({ selector: { matchLabels: { app: 'web' } } }),
});
describeSourceContract('configMap for a whole namespace', {
  plugin: configMap,
  world: () => worldOf({ keys: { include: ['*.conf'] } }),
});
describeReadme({
  plugin: configMap,
  readme: new URL('../README.md', import.meta.url),
  packageName: '@kube-trigger/source-configmap',
});
