/**
 * A custom kind's name in paths and RBAC, where the cluster cannot be asked: by the rules of English, as nearly all authors of definitions
 * do.
 */
export function guessedPlural(kind: string): string {
  const singular = kind.toLowerCase();
  if (/(s|x|ch|sh)$/.test(singular)) return `${singular}es`;
  return /[^aeiou]y$/.test(singular) ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

/** The same in CEL, of what the expression `kind` gives. */
export function guessedPluralInCel(kind: string): string {
  return `[${kind}.lowerAscii()].map(k, k.matches('(s|x|ch|sh)$') ? k + 'es' : k.matches('[^aeiou]y$') ? k.substring(0, size(k) - 1) + 'ies' : k + 's')[0]`;
}
