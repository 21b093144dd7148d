import { asArray, asObject, asString, isObject } from '../json.js';

/** Evaluates a `metav1.LabelSelector` object. An empty one, or none, matches everything. */
export function matchesLabelSelector(selector: unknown, labels: { readonly [key: string]: string } = {}): boolean {
  const { matchExpressions, matchLabels } = asObject(selector);
  for (const [key, value] of Object.entries(asObject(matchLabels))) if (labels[key] !== value) return false;
  return asArray(matchExpressions).every((each) => {
    if (!isObject(each)) return true;
    const value = labels[asString(each['key']) ?? ''];
    const values = asArray(each['values']);
    switch (each['operator']) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });
}
