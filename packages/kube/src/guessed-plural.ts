/**
 * A custom kind's name in paths and RBAC, where the cluster cannot be asked: by the rules of English, as nearly all authors of definitions
 * do.
 */
export function guessedPlural(kind: string): string {
  const singular = kind.toLowerCase();
  if (/(s|x|ch|sh)$/.test(singular)) return `${singular}es`;
  return /[^aeiou]y$/.test(singular) ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}
