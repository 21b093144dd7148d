import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAULTS } from '../src/disturbances.js';
import { summary, TABLE_HEAD, tableLine } from '../src/report.js';
import { checkOptions, soak, type SoakOptions } from '../src/soak.js';

const CALM: SoakOptions = {
  minutes: 1,
  cluster: 'embedded',
  rules: 10,
  churn: 0,
  webhooks: 5,
  replicas: 1,
  writeEveryMs: 250,
  killEvery: 0,
  restartApiserverEvery: 0,
  faultEvery: 5,
  faults: [],
  sampleEvery: 5,
  seed: 1,
};
const SOUND = { missing: 0, duplicated: 0, outOfOrder: 0, unexplained: 0, crashes: [] };

describe('the prober', () => {
  beforeAll(() => {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    if (existsSync(`${root}packages/operator/dist/main.js`)) return;
    execFileSync(`${root}node_modules/.bin/tsc`, ['-b', 'packages/operator'], { cwd: root, stdio: 'inherit' });
  });

  it('finds nothing missing, nothing duplicated and calls repeated by the same id only, whatever happens', async () => {
    const report = await soak({
      ...CALM,
      minutes: 1.5,
      killEvery: 10,
      restartApiserverEvery: 25,
      faultEvery: 4,
      faults: FAULTS,
    });
    console.log([TABLE_HEAD, ...report.samples.map(tableLine), summary(report)].join('\n'));
    expect(report, summary(report)).toMatchObject(SOUND);
    expect(report.changes).toBeGreaterThan(100);
    // Receivers were as they are in real life.
    expect(report.repeated).toBeGreaterThan(0);
    // It was disturbed indeed, in every way.
    expect(Object.keys(report.disturbances).toSorted()).toEqual([...FAULTS, 'kill', 'restart'].toSorted());
  }, 300_000);

  it('sees sockets and memory of one process stay flat while its connections are cut again and again', async () => {
    const report = await soak({ ...CALM, faultEvery: 2, faults: ['rst', 'fin', 'midline'] });
    expect(report, summary(report)).toMatchObject(SOUND);
    const [, warm, ...later] = report.samples.filter(({ processes }) => processes.length === 1);
    if (warm === undefined) throw new Error('no samples');
    expect(new Set(later.map(({ processes }) => processes[0]?.pid)).size).toBe(1);
    // A watch and a probe of it for each rule and for the rules themselves, and the pool of the other requests.
    const { rules, webhooks } = CALM;
    expect(report.sockets.max).toBeLessThanOrEqual(2 * (rules + webhooks + 1) + webhooks + 32);
    const half = later.slice(later.length / 2);
    // Node's heap grows until its first full collections; a leak would go on growing.
    expect(Math.max(...half.map(({ rssMb }) => rssMb))).toBeLessThanOrEqual(1.35 * warm.rssMb + 20);
    // While connections are cut there are few, more or less by chance; when all is connected again it shows whether each cut left one behind.
    const watches = rules + webhooks + 1;
    expect(later.at(-1)?.sockets).toBeLessThanOrEqual(2 * watches + 16);
  }, 180_000);

  it('refuses a pace at which the breakers of the rules would trip', () => {
    expect(() => checkOptions({ ...CALM, rules: 1, webhooks: 0 })).toThrow('240 changes a minute and rule would trip');
  });
});
