import { fakeContext, fakeDelivery, FakeFetch, makeInstance } from '@kube-trigger/testing/contracts';
import { type ActionWorld, describeActionContract, describeReadme } from '@kube-trigger/testing/contracts';
import { expect, it } from 'vitest';
import plugin from './index.ts';

const config = { url: 'http://chat.example/hook?token=abc', text: 'hello' };

/** The outside of the action: a URL that is reached by `fetch`. */
function world(): ActionWorld {
  const web = new FakeFetch();
  return {
    config,
    register: web.register,
    held: web.held,
    touched: () => web.requests.length,
    ids: () => web.requests.map(({ headers }) => headers.get('idempotency-key') ?? ''),
    hang: () => web.hang(),
    sabotage: () => web.sabotage(),
    faults: {
      'nobody listens': { code: 'KT_MY_SAMPLE_UNREACHABLE', arrange: () => web.disconnect() },
      'the receiver refuses': {
        code: 'KT_MY_SAMPLE_REFUSED',
        arrange: () => web.respond(() => new Response('no', { status: 403 })),
      },
    },
  };
}

describeActionContract('mySample', { plugin, world });
describeReadme({ plugin, readme: new URL('../README.md', import.meta.url), packageName: 'my-sample' });

it('says what changed', async () => {
  const web = new FakeFetch();
  const action = makeInstance(plugin, web);
  const result = await action.run(config, fakeDelivery(), fakeContext());
  expect(result.targets).toEqual([{ target: 'http://chat.example', outcome: 'done' }]);
  expect(JSON.parse(web.requests[0]?.body ?? '')).toEqual({
    text: 'hello',
    key: 'ConfigMap/shop/app-config',
    change: 'updated',
  });
});

it('tries again when it is the server’s fault, and not when it is refused', async () => {
  const web = new FakeFetch();
  const action = makeInstance(plugin, web);
  for (const [status, retry] of [[503, 'backoff'] as const, [404, 'never'] as const]) {
    web.respond(() => new Response('', { status }));
    await expect(action.run(config, fakeDelivery(), fakeContext())).rejects.toMatchObject({ retry });
  }
});
