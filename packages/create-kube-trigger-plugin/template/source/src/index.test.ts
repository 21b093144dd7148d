import { describeReadme, describeSourceContract, fakeContext, FakeFetch } from '@kube-trigger/testing/contracts';
import type { SourceWorld } from '@kube-trigger/testing/contracts';
import plugin from './index.ts';

/** The outside of the source: a URL that is reached by `fetch`, and the clock. */
function world(): SourceWorld {
  let version = 1;
  const web = new FakeFetch(() => new Response(`secret of version ${version}`));
  const context = fakeContext();
  const { scheduler: clock } = context;
  return {
    config: { url: 'http://shop.example/prices?token=abc', everySeconds: 5 },
    context,
    register: web.register,
    held: () => web.held() + clock.pending,
    change: () => {
      version += 1;
      return clock.advance(5000);
    },
    blind: () => {
      web.disconnect();
      return clock.advance(5000);
    },
    heal: () => {
      web.reconnect();
      return clock.advance(5000);
    },
    sabotage: () => web.sabotage(),
    contents: ['secret of version', 'token=abc'],
  };
}

describeSourceContract('mySample', { plugin, world });
describeReadme({ plugin, readme: new URL('../README.md', import.meta.url), packageName: 'my-sample' });
