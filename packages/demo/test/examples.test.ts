import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SCENARIOS } from './examples/scenarios.js';
import { ExampleStage, EXAMPLES } from './examples/stage.js';

const folders = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  // Programs are run outside the workspace: packages/create-kube-trigger-plugin/test/outside.test.ts.
  .filter(({ name }) => !existsSync(join(EXAMPLES, name, 'package.json')))
  .map((entry) => entry.name);

describe('examples', () => {
  it('are all run here', () => {
    expect(Object.keys(SCENARIOS).toSorted()).toEqual(folders.toSorted());
  });

  it.each(Object.entries(SCENARIOS))('%s does what its README says', async (folder, scenario) => {
    await using stage = await ExampleStage.open(folder);
    await scenario(stage);
    expect(await stage.faults()).toEqual([]);
  });
});
