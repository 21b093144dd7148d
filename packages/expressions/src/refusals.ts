import { nearest } from '@kube-trigger/core';
import type { ASTNode } from '@marcbachmann/cel-js';
import { calledBy, childrenOf, isWalk } from './syntax.js';

export interface Refusal {
  readonly why: string;
  /** Where in the expression. */
  readonly at: number;
}

/** Calls that make something as long as their list or text is. */
const LONG = new Set(['join', 'split']);
const CHANGES = ['created', 'updated', 'deleted', 'occurred'];

/**
 * The first part of an expression that is good CEL and yet no good here: what may take for ever (regular expressions), what takes longer than
 * the expression and its event are long (walks within walks), and comparisons of `event.change` that are never true.
 */
export function refusalIn(node: ASTNode, isInWalk = false): Refusal | undefined {
  const why = tooCostly(node, isInWalk) ?? neverTrue(node);
  if (why !== undefined) return { why, at: node.range.start };
  for (const child of childrenOf(node)) {
    const found = refusalIn(child.node, isInWalk || child.isPerEntry);
    if (found !== undefined) return found;
  }
  return undefined;
}

function tooCostly(node: ASTNode, isInWalk: boolean): string | undefined {
  const name = calledBy(node);
  if (name === 'matches')
    return 'matches() is not available, since a regular expression may take for ever; use startsWith(), endsWith() or contains()';
  if (name === 'bind') return 'cel.bind() is not available; write the expression out';
  if (!isInWalk) return undefined;
  if (isWalk(node) || LONG.has(name ?? '')) return `${name}() cannot stand inside the walk over another list`;
  if (node.op === 'in' && node.args[1].op !== 'list')
    return 'in cannot look through a list inside the walk over another one';
  return undefined;
}

/** `event.change == 'update'` would drop everything without a word. */
function neverTrue(node: ASTNode): string | undefined {
  if (node.op !== '==' && node.op !== '!=' && node.op !== 'in') return undefined;
  const [one, other] = node.args;
  const against = isChange(one) ? other : isChange(other) && node.op !== 'in' ? one : undefined;
  if (against === undefined) return undefined;
  const values = against.op === 'list' ? against.args : [against];
  for (const value of values) {
    if (value.op !== 'value' || typeof value.args !== 'string' || CHANGES.includes(value.args)) continue;
    const meant = nearest(value.args, CHANGES);
    const fix = meant === undefined ? `it is one of ${CHANGES.join(', ')}` : `did you mean "${meant}"?`;
    return `event.change is never "${value.args}"; ${fix}`;
  }
  return undefined;
}

function isChange(node: ASTNode): boolean {
  return node.op === '.' && node.args[1] === 'change' && node.args[0].op === 'id' && node.args[0].args === 'event';
}
