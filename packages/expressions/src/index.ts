export { type CompiledCondition, type Condition, compileCondition } from './condition.js';
export { EvaluationError } from './expression.js';
export { type CompiledTemplate, compileTemplate, type Template, type TemplateOptions } from './template.js';
