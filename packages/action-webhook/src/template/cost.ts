import type { ASTNode } from '@marcbachmann/cel-js';

/** What walks a list and takes an expression for each element. */
const WALKS = new Set(['map', 'filter', 'all', 'exists', 'exists_one']);
/** What costs as much as its list or text is long, and so may not stand inside a walk. */
const LONG = new Set([...WALKS, 'join', 'split']);

/**
 * Why an expression could cost more than its length and its inputs' allow, as a clause; undefined when it cannot. CEL always ends,
 * but nested walks multiply, `cel.bind` can double a string once per use, and `matches` may backtrack without end.
 */
export function costlyPart(node: ASTNode, insideWalk = false): string | undefined {
  const name = node.op === 'rcall' || node.op === 'call' ? node.args[0] : undefined;
  if (name === 'matches') return 'matches() is not available: a regular expression may take for ever';
  if (name === 'bind') return 'cel.bind() is not available: write the expression out';
  if (insideWalk && name !== undefined && LONG.has(name)) return `${name}() cannot stand inside another list's walk`;
  const inside = insideWalk || (name !== undefined && WALKS.has(name));
  for (const child of childrenOf(node)) {
    const found = costlyPart(child, inside);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Arguments of any operator: nodes, lists of nodes (arguments, list items) and lists of pairs (map entries). */
function childrenOf(node: ASTNode): ASTNode[] {
  if (node.op === 'value') return [];
  const { args } = node as { readonly args: unknown };
  return (Array.isArray(args) ? args.flat(2) : [args]).filter(isNode);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
