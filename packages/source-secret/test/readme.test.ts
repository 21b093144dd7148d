import { describeReadme } from '@kube-trigger/testing/contracts';
import secret from '../src/index.js';

describeReadme({
  plugin: secret,
  readme: new URL('../README.md', import.meta.url),
  packageName: '@kube-trigger/source-secret',
});
