import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import * as rxjs from 'rxjs';
import { container } from 'tsyringe';
import { describe, expect, it } from 'vitest';
import * as core from '../src/index.js';
import { call, clock, roll, sieve, things } from './support/example-plugins.js';

const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it('embeds a rule in code that runs as written', async () => {
    const code = /```ts\n([^]*?)```/.exec(text)?.[1] ?? '';
    const [imports, body] = [code.match(/^import .*$/gm) ?? [], code.replaceAll(/^import .*\n/gm, '')];
    expect(body.trim().split('\n').length).toBeLessThanOrEqual(15);
    const names = imports.flatMap((line) => (/\{(.*)\}/.exec(line)?.[1] ?? '').split(',').map((name) => name.trim()));
    const given: Record<string, unknown> = {
      ...core,
      asyncScheduler: rxjs.asyncScheduler,
      container,
      plugins: [things, clock, sieve, call, roll],
      spec: { sources: [{ things: {} }], actions: [{ roll: { name: 'web' } }] },
      logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => given['logger'] },
      onReport: (report: core.RuleReport) => reports.push(report.type),
    };
    const reports: string[] = [];
    const used = [...new Set([...names, 'plugins', 'spec', 'logger', 'onReport'])];
    // The snippet is ours; running its very text is the point.
    const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
      ...args: string[]
    ) => (...args: unknown[]) => Promise<core.RuleRunner>;
    const runner = await new AsyncFunction(...used, `${body}; return runner;`)(...used.map((name) => given[name]));
    await runner.stop();
    expect(reports).toEqual(['source']);
  });

  it('names only methods that exist', () => {
    const methods = [...text.matchAll(/`(?:await )?runner\.(\w+)/g)].map(([, name]) => name ?? '');
    expect(methods.length).toBeGreaterThan(3);
    expect(methods.filter((name) => !(name in core.RuleRunner.prototype))).toEqual([]);
  });
});
