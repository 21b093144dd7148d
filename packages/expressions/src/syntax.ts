import type { ASTNode } from '@marcbachmann/cel-js';

/** Macros that look at each element of a list or map. */
const WALKS = new Set(['map', 'filter', 'all', 'exists', 'exists_one']);

export interface Child {
  readonly node: ASTNode;
  /** Evaluated once per element, as what a walk asks of each; its list is evaluated once. */
  readonly isPerEntry: boolean;
}

export function childrenOf(node: ASTNode): Child[] {
  const { args } = node as { readonly args: unknown };
  if (!isWalk(node) || !Array.isArray(args)) return nodesIn(args).map((child) => ({ node: child, isPerEntry: false }));
  const [, list, body] = args as readonly unknown[];
  return [
    ...nodesIn(list).map((child) => ({ node: child, isPerEntry: false })),
    ...nodesIn(body).map((child) => ({ node: child, isPerEntry: true })),
  ];
}

export function isWalk(node: ASTNode): boolean {
  return node.op === 'rcall' && WALKS.has(node.args[0]);
}

/** The name of the function or macro that a node calls. */
export function calledBy(node: ASTNode): string | undefined {
  return node.op === 'rcall' || node.op === 'call' ? node.args[0] : undefined;
}

/** Operands of any operator: nodes, lists of nodes and pairs of map entries. */
function nodesIn(operands: unknown): ASTNode[] {
  return (Array.isArray(operands) ? operands.flat(2) : [operands]).filter(isNode);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'range' in value;
}
