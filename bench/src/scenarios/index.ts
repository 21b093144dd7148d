import type { Scenario } from '../suite/scenario.js';
import { b2 } from './b2-requests.js';

/** In the order of their numbers. */
export const SCENARIOS: readonly Scenario[] = [b2];
