import type { ASTNode } from '@marcbachmann/cel-js';
import type { Sizing } from './plain-values.js';
import { calledBy, childrenOf, isWalk } from './syntax.js';

/** What an expression needs and costs besides its length, which is bounded. */
export interface Cost {
  readonly needsObject: boolean;
  /** Operations that may read a whole text, in walks whose entries ask for more than themselves. The others cost what is walked over. */
  readonly perEntry: number;
  /** Makes lists as long as a text. */
  readonly splits: boolean;
}

/** Characters that walks may read: half a second at worst, for which all other rules wait. */
const BUDGET = 25_000_000;

/** What reads no text. */
const CHEAP = new Set(['value', 'id', '.', '.?', '[]', '[?]', '&&', '||', '!_', '-_', '?:']);

export function costOf(root: ASTNode): Cost {
  const nodes = allIn(root);
  return {
    needsObject: nodes.some(isObject),
    perEntry: nodes.filter(isWalk).reduce((sum, walk) => sum + perEntryOf(walk), 0),
    splits: nodes.some((node) => calledBy(node) === 'split'),
  };
}

function perEntryOf(walk: ASTNode): number {
  const body = childrenOf(walk).flatMap(({ node, isPerEntry }) => (isPerEntry ? allIn(node) : []));
  const asksForMore = body.some((node) => isObject(node) || isListOfEvent(node));
  return asksForMore ? body.filter(({ op }) => !CHEAP.has(op)).length : 0;
}

function isObject(node: ASTNode): boolean {
  return node.op === 'id' && node.args === 'object';
}

/** `event.changedKeys` and `event.data`; the other fields are short. */
function isListOfEvent(node: ASTNode): boolean {
  return node.op === '.' && (node.args[1] === 'changedKeys' || node.args[1] === 'data');
}

function allIn(node: ASTNode): ASTNode[] {
  return [node, ...childrenOf(node).flatMap((child) => allIn(child.node))];
}

/** Why walks over these values would take too long; undefined when they would not. */
export function tooDear({ perEntry, splits }: Cost, { longest, characters }: Sizing): string | undefined {
  const entries = splits ? Math.max(longest, characters) : longest;
  if (perEntry * entries * characters <= BUDGET) return undefined;
  return `there is too much to walk over (${entries} entries, ${characters} characters)`;
}
