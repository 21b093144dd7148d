export { runDemo } from './demo.js';
export type { DemoOptions, DemoResult } from './demo.js';
export type { StepResult } from './presenter.js';
