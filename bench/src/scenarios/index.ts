import type { Scenario } from '../suite/scenario.js';
import { b1 } from './b1-latency.js';
import { b10 } from './b10-churn.js';
import { b2 } from './b2-requests.js';
import { b3 } from './b3-inventory.js';
import { b4 } from './b4-named.js';
import { b5 } from './b5-rules.js';
import { b6 } from './b6-fan-out.js';
import { b7 } from './b7-pipeline.js';
import { b8 } from './b8-start.js';
import { b9 } from './b9-timers.js';

/** In the order of their numbers. */
export const SCENARIOS: readonly Scenario[] = [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10];
