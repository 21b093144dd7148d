import { describe, expect, it } from 'vitest';
import * as main from '../src/index.js';
import * as testing from '../src/testing/index.js';

// So that every addition to the surface is seen in review.
describe('the exports', () => {
  it('of @kube-trigger/core', () => {
    expect(Object.keys(main).toSorted()).toMatchInlineSnapshot(`
      [
        "ABSENT",
        "CHOICE_WORDS",
        "CONTRACT_VERSION",
        "Default",
        "ERROR_CODES",
        "EquipPluginToken",
        "FetchToken",
        "FileCheckpointStore",
        "INCOMPLETE_BASELINE",
        "IntOrPercent",
        "LabelSelector",
        "LoggerToken",
        "MemoryCheckpointStore",
        "MetricsToken",
        "NO_METRICS",
        "NamespaceName",
        "ObjectName",
        "PASS",
        "PacedJournal",
        "PluginRegistry",
        "RESERVED_KEYS",
        "RandomToken",
        "RuleRunner",
        "RuleSpec",
        "SchedulerToken",
        "StringEnum",
        "TriggerError",
        "compileRule",
        "countOf",
        "createInstance",
        "createRuntime",
        "defineAction",
        "defineFilter",
        "defineRule",
        "defineSource",
        "fullJitter",
        "instantiate",
        "isBaseline",
        "isTriggerError",
        "longestWindow",
        "nearest",
        "openSource",
        "readRecordedEvents",
        "sleep",
        "toTriggerError",
        "use",
        "validateConfig",
      ]
    `);
  });

  it('of @kube-trigger/core/testing', () => {
    expect(Object.keys(testing).toSorted()).toMatchInlineSnapshot(`
      [
        "VirtualClock",
        "silentLogger",
      ]
    `);
  });
});
