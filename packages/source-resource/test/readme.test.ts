import { describeReadme } from '@kube-trigger/testing/contracts';
import resource from '../src/index.js';

describeReadme({
  plugin: resource,
  readme: new URL('../README.md', import.meta.url),
  packageName: '@kube-trigger/source-resource',
});
