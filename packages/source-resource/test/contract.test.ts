import { describeSourceContract } from '@kube-trigger/testing/contracts';
import resource from '../src/index.js';
import { worldOf } from './world.js';

describeSourceContract('resource by name', { plugin: resource, world: () => worldOf({ name: 'web' }) });
describeSourceContract('resource by selector', {
  plugin: resource,
  world: () => worldOf({ selector: { matchLabels: { app: 'web' } }, fields: ['spec.text', 'metadata.labels'] }),
});
describeSourceContract('resource for a whole namespace', { plugin: resource, world: () => worldOf({}) });
