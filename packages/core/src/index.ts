import 'reflect-metadata';

export { ERROR_CODES, isTriggerError, toTriggerError, TriggerError } from './contract/errors.js';
export type { RetryHint, TriggerErrorOptions } from './contract/errors.js';
export { PASS } from './contract/events.js';
export type {
  AbsentEvent,
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
  SourceContext,
} from './contract/context.js';
export { CONTRACT_VERSION, defineAction, defineFilter, defineSource } from './contract/plugin.js';
export type {
  Action,
  ActionAnswer,
  ActionPlugin,
  ActionResult,
  ActionWaiting,
  ConfigIssue,
  ConfiguredRbacRule,
  Delivery,
  Filter,
  FilterPlugin,
  ObjectReference,
  Plugin,
  PluginClass,
  RbacRule,
  Source,
  SourcePlugin,
  TargetResult,
} from './contract/plugin.js';
export type { Choices } from './contract/schema.js';
export { LabelSelector, NamespaceName, ObjectName, StringEnum } from './contract/schema.js';
export { LoggerToken, RandomToken, SchedulerToken } from './contract/tokens.js';
export { ABSENT } from './checkpoint/entry.js';
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
export type { ManualRun } from './pipeline/manual.js';
export { RuleRunner } from './pipeline/rule-runner.js';
export type { DeadLetter, RuntimeServices, UnderWay } from './pipeline/rule-runner.js';
export { fullJitter, sleep } from './pipeline/wait.js';
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
export { RESERVED_KEYS, RuleSpec } from './rule/rule-spec.js';
export { validateConfig } from './rule/validate-config.js';
export type { RuleIssue, Validated } from './rule/validate-config.js';
