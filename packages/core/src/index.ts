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
  FilterContext,
  Logger,
  PluginContext,
  RuleIdentity,
  SourceContext,
} from './contract/context.js';
export { CONTRACT_VERSION, defineAction, defineFilter, defineSource } from './contract/plugin.js';
export type {
  Action,
  ActionPlugin,
  ActionResult,
  ConfigIssue,
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
export { LabelSelector, NamespaceName, ObjectName, StringEnum } from './contract/schema.js';
export { LoggerToken, RandomToken, SchedulerToken } from './contract/tokens.js';
