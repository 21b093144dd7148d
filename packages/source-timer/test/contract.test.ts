import { describeReadme, describeSourceContract, fakeContext, type SourceWorld } from '@kube-trigger/testing/contracts';
import timer from '../src/index.js';

/** The suite settles nothing, so only a timer that may have several occurrences under way goes on. */
function worldOf(config: object): SourceWorld {
  const context = fakeContext();
  return {
    config,
    context,
    register: () => undefined,
    held: () => context.scheduler.pending,
    change: () => context.scheduler.advance(65_000),
  };
}

describeSourceContract('timer with a schedule', {
  plugin: timer,
  world: () => worldOf({ schedule: '* * * * *', timeZone: 'Europe/Berlin', missed: 'all' }),
});
describeSourceContract('timer with an interval', {
  plugin: timer,
  world: () => worldOf({ every: '60s', missed: 'all', jitterSeconds: 5 }),
});
describeReadme({
  plugin: timer,
  readme: new URL('../README.md', import.meta.url),
  packageName: '@kube-trigger/source-timer',
});
