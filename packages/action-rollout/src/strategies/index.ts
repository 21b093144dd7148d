import { annotate } from './annotate.js';
import { restartedAt } from './restarted-at.js';
import type { Strategy } from './strategy.js';

export const STRATEGIES = { annotate, restartedAt } as const satisfies Record<string, Strategy>;
export type StrategyName = keyof typeof STRATEGIES;

/** Evicting is no patch: see `../evict`. */
export const STRATEGY_NAMES = ['annotate', 'restartedAt', 'evict'] as const;
