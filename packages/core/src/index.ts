import 'reflect-metadata';

export { ERROR_CODES, isTriggerError, toTriggerError, TriggerError } from './contract/errors.js';
export type { RetryHint, TargetOutcome, TriggerErrorOptions } from './contract/errors.js';
export { PASS } from './contract/events.js';
export type {
  AbsentEvent,
  CoalesceWindow,
  DegradedEvent,
  OccurredEvent,
  Outcome,
  PresentEvent,
  SourceEvent,
  TriggerEvent,
  Verdict,
} from './contract/events.js';
export type {
  ActionContext,
  CallContext,
  FilterContext,
  Logger,
  PluginContext,
  RuleIdentity,
  Recollection,
  SourceContext,
} from './contract/context.js';
export { CONTRACT_VERSION, defineAction, defineFilter, defineSource } from './contract/plugin.js';
export type {
  Action,
  ActionAnswer,
  ActionPlugin,
  ActionResult,
  ActionWaiting,
  CheckedUntil,
  ConfigIssue,
  ConfiguredRbacRule,
  Delivery,
  Filter,
  FilterPlugin,
  Inject,
  Making,
  ObjectReference,
  Plugin,
  PluginClass,
  RbacRule,
  Source,
  SourcePlugin,
  TargetResult,
} from './contract/plugin.js';
export type { Choices } from './contract/schema.js';
export {
  countOf,
  Default,
  IntOrPercent,
  LabelSelector,
  NamespaceName,
  ObjectName,
  StringEnum,
} from './contract/schema.js';
export { NO_METRICS } from './contract/metrics.js';
export type { Counter, Histogram, MetricLabels, MetricOptions, PluginMetrics } from './contract/metrics.js';
export {
  EquipPluginToken,
  FetchToken,
  LoggerToken,
  MetricsToken,
  RandomToken,
  SchedulerToken,
} from './contract/tokens.js';
export type { EquipPlugin } from './contract/tokens.js';
export { INCOMPLETE_BASELINE, isBaseline } from './checkpoint/baselines.js';
export { ABSENT } from './checkpoint/entry.js';
export { FileCheckpointStore } from './checkpoint/file-store.js';
export type { FileCheckpointOptions } from './checkpoint/file-store.js';
export { MemoryCheckpointStore, PacedJournal } from './checkpoint/journal.js';
export type { CheckpointStore, Journal, JournalOptions, JournalWriter } from './checkpoint/journal.js';
export type {
  ActionOutcome,
  AttemptedReport,
  AttemptFailedReport,
  RuleReport,
  SettledReport,
  SourceReport,
  UndoneReport,
  WaitingReport,
} from './pipeline/report.js';
export { longestWindow } from './pipeline/gates.js';
export type { ManualRun } from './pipeline/manual.js';
export { openSource } from './pipeline/open-source.js';
export type { SourceToOpen } from './pipeline/open-source.js';
export { RuleRunner } from './pipeline/rule-runner.js';
export type { DeadLetter, RuntimeServices, UnderWay } from './pipeline/rule-runner.js';
export { fullJitter, sleep } from './pipeline/wait.js';
export { createInstance } from './registry/create-instance.js';
export { instantiate } from './registry/instantiate.js';
export { PluginRegistry } from './registry/plugin-registry.js';
export type { RefusedPackage } from './registry/plugin-registry.js';
export { compileRule } from './rule/compile-rule.js';
export type { Compilation, CompileOptions } from './rule/compile-rule.js';
export type {
  BreakerOptions,
  CompiledAction,
  CompiledFilter,
  CompiledRule,
  CompiledSource,
  DeliveryOptions,
  RetryOptions,
  RuleInstances,
} from './rule/compiled-rule.js';
export { CHOICE_WORDS } from './rule/choices.js';
export { nearest } from './rule/nearest.js';
export { readRecordedEvents } from './rule/recorded-events.js';
export type { EventExpectation, RecordedEvent } from './rule/recorded-events.js';
export { RESERVED_KEYS, RuleSpec } from './rule/rule-spec.js';
export { validateConfig } from './rule/validate-config.js';
export type { RuleIssue, Validated } from './rule/validate-config.js';
export { createRuntime } from './runtime/create-runtime.js';
export type { Runtime, RuntimeOptions, RuntimeReport } from './runtime/create-runtime.js';
export { defineRule, use } from './runtime/define-rule.js';
export type {
  ActionItemOptions,
  ConfigInput,
  EventItem,
  ItemOptions,
  SourceItem,
  TypedRule,
} from './runtime/define-rule.js';
