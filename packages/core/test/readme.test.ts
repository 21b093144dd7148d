import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { container } from 'tsyringe';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import * as core from '../src/index.js';
import { call, clock, roll, sieve, things } from './support/example-plugins.js';

const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  const blocks = [...text.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code ?? '');
  // The snippets are ours; running their very text is the point.
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
    ...args: string[]
  ) => (...args: unknown[]) => Promise<unknown>;
  const run = (code: string, given: Record<string, unknown>) =>
    new AsyncFunction(...Object.keys(given), code.replaceAll(/^import .*\n/gm, ''))(...Object.values(given));

  it('defines a plugin in code that works as written', async () => {
    const code = blocks.find((block) => block.includes('defineAction')) ?? '';
    const plugin = await run(code.replace('export default', 'return'), { ...core, Type });
    const registry = new core.PluginRegistry();
    registry.register(plugin, 'readme');
    const posted: unknown[] = [];
    const own = container.createChildContainer();
    own.register(core.FetchToken, {
      useValue: (...request) => Promise.resolve(new Response(void posted.push(request))),
    });
    const action = core.createInstance(plugin as core.ActionPlugin, own);
    const delivery = { id: 'id-1', event: { key: 'k' } } as core.Delivery;
    const context = { signal: AbortSignal.abort() } as core.ActionContext;
    expect(await action.run({ url: 'http://x' }, delivery, context)).toMatchObject({ outcome: 'done' });
    expect(posted).toEqual([
      ['http://x', expect.objectContaining({ body: 'k', headers: { 'idempotency-key': 'id-1' } })],
    ]);
  });

  it('embeds a rule in code that runs as written', async () => {
    const code = blocks.find((block) => block.includes('createRuntime')) ?? '';
    expect(code.trim().split('\n').length).toBeLessThanOrEqual(15);
    const folder = mkdtempSync(join(tmpdir(), 'kube-trigger-readme-'));
    const reports: string[] = [];
    const runtime = (await run(`${code}; return runtime;`, {
      createRuntime: core.createRuntime,
      FileCheckpointStore: class extends core.FileCheckpointStore {
        constructor(state: string) {
          super(join(folder, state));
        }
      },
      plugins: [things, clock, sieve, call, roll],
      spec: { sources: [{ things: {} }], actions: [{ roll: { name: 'web' } }] },
      logger: undefined,
      onReport: ({ rule, type }: core.RuntimeReport) => reports.push(`${rule} ${type}`),
    })) as core.Runtime;
    await runtime.stop();
    rmSync(folder, { recursive: true });
    expect(reports).toEqual(['example source']);
  });

  it('names only methods that exist', () => {
    const methods = [...text.matchAll(/`(?:await )?runner\.(\w+)/g)].map(([, name]) => name ?? '');
    expect(methods.length).toBeGreaterThan(3);
    expect(methods.filter((name) => !(name in core.RuleRunner.prototype))).toEqual([]);
  });
});
