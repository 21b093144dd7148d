import { describeFilterContract, describeReadme, fakeContext, fakeEvent } from '@kube-trigger/testing/contracts';
import { makeInstance } from '@kube-trigger/testing/contracts';
import { expect, it } from 'vitest';
import plugin from './index.ts';

const config = { keys: ['app.conf'] };

describeFilterContract('mySample', { plugin, config });
describeReadme({ plugin, readme: new URL('../README.md', import.meta.url), packageName: 'my-sample' });

it.each([
  [['app.conf', 'motd'], { pass: true }],
  [['motd'], { drop: 'changed motd, not app.conf' }],
  [undefined, { pass: true }],
])('decides about changed keys %j', (changedKeys, verdict) => {
  const filter = makeInstance(plugin);
  const { changedKeys: _, ...event } = fakeEvent();
  const seen = changedKeys === undefined ? event : { ...event, changedKeys };
  expect(filter.decide(config, seen, fakeContext())).toEqual(verdict);
});
