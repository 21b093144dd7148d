import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Minutes each, of which most are waiting: what begins last is what a run ends with.
const LONG = [
  'operator/test/faults/kill-loop',
  'devcluster/test/controllers/kubectl',
  'operator/test/faults/watch-faults',
  'bench/test/soak',
  'create-kube-trigger-plugin/test/outside',
  'kube/test/clusters',
  'operator/test/faults/kill-points',
  'operator/test/faults/ha',
  'operator/test/integration/first-sight',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`${name}.test.ts`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort.call(this, files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

// Tests run from the sources: `@kube-trigger/source` is the first condition of every package's exports.
const conditions = ['@kube-trigger/source', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
    // One real control plane for the whole run, when KUBEBUILDER_ASSETS names one.
    globalSetup: ['./packages/testing/src/global-setup.ts'],
    // Most tests wait for something: on two cores, three files at a time keep both busy.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Promises with a time in them ("within 2 s") are tried once more where the machine is shared; vitest says which were.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    testTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    hookTimeout: 120_000,
  },
});
