import 'reflect-metadata';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ActionPlugin, LoggerToken, TriggerError } from '@kube-trigger/core';
import { container } from 'tsyringe';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from '../../src/logger.js';
import { shareHostModules } from '../../src/plugins/host-modules.js';

interface Shout {
  readonly logger: unknown;
  run(): Promise<unknown>;
}

let directory: string;
let plugin: ActionPlugin;

const PLUGIN = `
import { defineAction, LoggerToken, TriggerError } from '@kube-trigger/core';
import { inject, injectable } from 'tsyringe';
import { Type } from 'typebox';

class Shout {
  constructor(logger) { this.logger = logger; }
  run() { return Promise.reject(new TriggerError('KT_SHOUT_HOARSE', 'no voice left', { retry: 'never' })); }
}
inject(LoggerToken)(Shout, undefined, 0);
injectable()(Shout);

export default defineAction({
  name: 'shout', summary: 'Shouts.', config: Type.Object({}), rbac: [], useClass: Shout, semantics: 'edge',
});
`;

/** What a package manager may put beside a plugin: other copies, which know nothing of the operator's. */
const COPIES = {
  '@kube-trigger/core':
    'export class TriggerError extends Error {} export const defineAction = (plugin) => plugin; export const LoggerToken = Symbol();',
  tsyringe: 'export const inject = () => () => {}; export const injectable = () => () => {};',
  typebox: 'export const Type = { Object: () => ({}) };',
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'outside-plugin-'));
  await writeFile(join(directory, 'shout.mjs'), PLUGIN);
  for (const [name, source] of Object.entries(COPIES)) {
    const folder = join(directory, 'node_modules', name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name, type: 'module', exports: './index.js' }));
    await writeFile(join(folder, 'index.js'), source);
  }
  shareHostModules();
  // By require, so that Node loads it and not the test runner.
  plugin = (createRequire(import.meta.url)(join(directory, 'shout.mjs')) as { default: ActionPlugin }).default;
});

afterAll(() => rm(directory, { recursive: true, force: true }));

it("an outside plugin defines itself with the operator's core, whatever copy is installed beside it", () => {
  expect(plugin).toMatchObject({ kind: 'action', contract: 1, config: { type: 'object' } });
});

it("its errors are the operator's TriggerErrors, and its constructor gets what the operator registered", async () => {
  const logger = createLogger('silent');
  const own = container.createChildContainer();
  own.register(LoggerToken, { useValue: logger });
  const shout = own.resolve<Shout>(plugin.useClass as unknown as new () => Shout);
  expect(shout.logger).toBe(logger);
  await expect(shout.run()).rejects.toBeInstanceOf(TriggerError);
});
