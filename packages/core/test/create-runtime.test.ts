import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { Type } from 'typebox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createRuntime,
  defineAction,
  defineSource,
  FetchToken,
  FileCheckpointStore,
  LoggerToken,
  MetricsToken,
  type Plugin,
  type RuntimeOptions,
  type RuntimeReport,
  SchedulerToken,
  VirtualClock,
} from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Recorder } from './support/recorder.js';

const config = Type.Object({}, { additionalProperties: false });

class Bench {
  readonly world = new FakeWorld();
  readonly action = new Recorder();
  readonly clock = new VirtualClock();
  readonly injected: unknown[] = [];

  get plugins(): Plugin[] {
    const base = { summary: 'X.', config, rbac: [] };
    return [
      defineSource({ ...base, name: 'world', semantics: 'level', revisionFormat: 1, create: () => this.world.source }),
      defineAction({
        ...base,
        name: 'record',
        semantics: 'level',
        create: (inject) => {
          this.injected.push(inject(SchedulerToken), inject(FetchToken), inject(MetricsToken), inject(LoggerToken));
          return this.action;
        },
      }),
    ];
  }

  runtime(options: Partial<RuntimeOptions> = {}) {
    const rule = { sources: [{ world: {} }], actions: [{ record: {} }] };
    return createRuntime({
      plugins: this.plugins,
      rules: { rule },
      scheduler: this.clock,
      random: () => 0.5,
      ...options,
    });
  }
}

describe('createRuntime', () => {
  it('runs rules without Kubernetes, and says what happens', async () => {
    const bench = new Bench();
    const runtime = bench.runtime();
    const said: string[] = [];
    runtime.reports.subscribe({
      next: ({ rule, type }) => said.push(`${rule} ${type}`),
      complete: () => said.push('end'),
    });
    await runtime.start();
    bench.world.set('k', 'r1');
    await bench.clock.advance(5000);
    expect(bench.action.said).toEqual(['k@r1']);
    expect(runtime.rules.get('rule')?.counts).toEqual({ underWay: 0, keys: 1 });
    await runtime.stop();
    expect(said).toEqual(['rule source', 'rule source', 'rule verdict', 'rule attempted', 'rule settled', 'end']);
    expect(bench.world.open).toBe(0);
    expect(bench.injected.every((service) => service !== undefined)).toBe(true);
  });

  it('is stopped by the end of an `await using` block', async () => {
    const bench = new Bench();
    {
      await using runtime = bench.runtime();
      await runtime.start();
      expect(bench.world.open).toBe(1);
    }
    expect(bench.world.open).toBe(0);
  });

  it('does nothing for a suspended rule', async () => {
    const bench = new Bench();
    const rule = { suspend: true, sources: [{ world: {} }], actions: [{ record: {} }] };
    await using runtime = bench.runtime({ rules: { rule } });
    await runtime.start();
    expect([runtime.rules.size, bench.world.open]).toEqual([0, 0]);
  });

  it('names everything that is wrong with the rules at once', () => {
    const rules = { one: { sources: [{ wrld: {} }], actions: [{ record: {} }] }, two: { sources: [{ world: {} }] } };
    expect(() => new Bench().runtime({ rules })).toThrow(
      expect.objectContaining({
        code: 'KT_RULE_INVALID',
        message: expect.stringMatching(
          /rules\.one\.spec\.sources\[0\]\.wrld: .*did you mean "world"[^]*rules\.two\.spec\.actions: /,
        ) as string,
      }),
    );
  });

  it('refuses what is no plugin', () => {
    expect(() => new Bench().runtime({ plugins: [{ name: 'x' } as Plugin] })).toThrow(
      expect.objectContaining({ code: 'KT_PLUGIN_INVALID' }),
    );
  });

  it('runs nothing when a checkpoint cannot be read', async () => {
    const bench = new Bench();
    const rule = { sources: [{ world: {} }], actions: [{ record: {} }] };
    const checkpoints = {
      open: ({ name }: { name: string }) =>
        name === 'b' ? Promise.reject(new Error('no disk')) : Promise.resolve(MEMORY),
    };
    const runtime = bench.runtime({ rules: { a: rule, b: rule }, checkpoints });
    await expect(runtime.start()).rejects.toMatchObject({ code: 'KT_CHECKPOINT_UNAVAILABLE' });
    expect(bench.world.open).toBe(0);
  });
});

const MEMORY = {
  stored: new Map<string, string>(),
  put: () => undefined,
  durable: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

describe('checkpoints in files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kube-trigger-checkpoints-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** One run of a program: until the rule reports this. */
  async function run(bench: Bench, until: (report: RuntimeReport) => boolean): Promise<void> {
    const runtime = createRuntime({
      plugins: bench.plugins,
      rules: { rule: { sources: [{ world: {} }], actions: [{ record: {} }] } },
      checkpoints: new FileCheckpointStore(join(folder, 'made/by/it')),
    });
    const seen = firstValueFrom(runtime.reports.pipe(filter(until)));
    await runtime.start();
    await seen;
    await runtime.stop(10_000);
  }
  const synced = (report: RuntimeReport) => report.type === 'source' && report.state === 'synced';
  const settled = (report: RuntimeReport) => report.type === 'settled';

  it('let a later process find what changed in between, once, and nothing else', async () => {
    const bench = new Bench();
    bench.world.set('changed', 'r1');
    bench.world.set('same', 'r1');
    await run(bench, synced);
    expect(bench.action.said).toEqual([]);
    bench.world.set('changed', 'r2');
    await run(bench, settled);
    await run(bench, synced);
    expect(bench.action.said).toEqual(['changed@r2']);
    expect(readdirSync(join(folder, 'made/by/it'))).toEqual(['default%2Frule.json']);
  });

  it('that cannot be read are named, with the fix', async () => {
    const bench = new Bench();
    writeFileSync(join(folder, 'default%2Frule.json'), '{ half');
    const rules = { rule: { sources: [{ world: {} }], actions: [{ record: {} }] } };
    const runtime = bench.runtime({ rules, checkpoints: new FileCheckpointStore(folder) });
    await expect(runtime.start()).rejects.toMatchObject({
      code: 'KT_CHECKPOINT_UNAVAILABLE',
      message: expect.stringContaining('default%2Frule.json') as string,
      fix: expect.stringContaining('new baseline') as string,
    });
  });

  it('keep the last good state when a write fails, and say so', async () => {
    const errors: unknown[] = [];
    const store = new FileCheckpointStore(folder, { onError: (_, error) => errors.push(error?.code) });
    const journal = await store.open({ namespace: 'n', name: 'r', uid: 'u' });
    journal.put('a', '1');
    await journal.durable('a');
    rmSync(folder, { recursive: true });
    journal.put('a', null);
    await expect(journal.close()).rejects.toMatchObject({ code: 'KT_CHECKPOINT_UNAVAILABLE' });
    expect(errors).toEqual(['KT_CHECKPOINT_UNAVAILABLE']);
  });

  it('hold removals too', async () => {
    const store = new FileCheckpointStore(folder);
    const rule = { namespace: 'n', name: 'r', uid: 'u' };
    const journal = await store.open(rule);
    journal.put('a', '1');
    journal.put('b', '2');
    journal.put('a', null);
    await journal.close();
    expect(JSON.parse(readFileSync(join(folder, 'u.json'), 'utf8'))).toEqual({ b: '2' });
    expect([...(await store.open(rule)).stored]).toEqual([['b', '2']]);
  });
});
