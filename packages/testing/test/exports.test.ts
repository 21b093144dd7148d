import { expect, it } from 'vitest';
import * as contracts from '../src/contracts/index.js';
import * as main from '../src/index.js';

// So that every change to what outside authors use is seen in review.
it('exports what authors test with', () => {
  expect(Object.keys(main).toSorted()).toMatchInlineSnapshot(`
    [
      "ApiClient",
      "BUSYBOX",
      "WaitError",
      "createCertificateAuthority",
      "describeOnClusters",
      "describeOnNode",
      "envtestWanted",
      "eventually",
      "freePort",
      "installCrd",
      "installCrds",
      "kubeconfigFor",
      "never",
      "nodeWanted",
      "startCluster",
      "startEmbedded",
      "startEnvtest",
      "startFaultProxy",
      "startPod",
      "startReal",
    ]
  `);
});

it('exports the suites and what stands in for the outside', () => {
  expect(Object.keys(contracts).toSorted()).toMatchInlineSnapshot(`
    [
      "FakeFetch",
      "FakeObjects",
      "RecordingKubeClient",
      "RecordingLogger",
      "SAMPLE_EVENTS",
      "SourceListener",
      "anyEvent",
      "configOf",
      "describeActionContract",
      "describeFilterContract",
      "describeReadme",
      "describeSourceContract",
      "execResult",
      "fakeContext",
      "fakeDelivery",
      "fakeEvent",
      "fieldsOf",
      "makeInstance",
      "openObjects",
      "optionRows",
      "optionTable",
      "readOptionTable",
      "recordedEvents",
      "uncovered",
    ]
  `);
});
