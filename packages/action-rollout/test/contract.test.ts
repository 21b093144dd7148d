import { describeActionContract, describeReadme } from '@kube-trigger/testing/contracts';
import updatePodTemplate from '../src/index.js';
import { world } from './world.js';

describeActionContract('updatePodTemplate', { plugin: updatePodTemplate, world });
describeReadme({
  plugin: updatePodTemplate,
  readme: new URL('../README.md', import.meta.url),
  packageName: '@kube-trigger/action-rollout',
});
