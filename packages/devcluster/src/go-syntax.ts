import { asObject, isObject } from './json.js';

/** Words that are printed as they are in a field error: Go's `%#v` of a value that is no JSON. */
export class GoSyntax {
  constructor(private readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

function entries(map: object): string {
  return Object.entries(map)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
    .join(', ');
}

/** `map[string]string{"a":"b"}`, or the nil map when empty. */
export function goStringMap(map: object): GoSyntax {
  const text = entries(map);
  return new GoSyntax(text === '' ? 'map[string]string(nil)' : `map[string]string{${text}}`);
}

export function goLabelSelector(selector: unknown): GoSyntax {
  const labels = asObject(asObject(selector)['matchLabels']);
  const expressions =
    isObject(selector) && Array.isArray(selector['matchExpressions'])
      ? JSON.stringify(selector['matchExpressions'])
      : '(nil)';
  return new GoSyntax(
    `v1.LabelSelector{MatchLabels:${goStringMap(labels).toString()}, MatchExpressions:[]v1.LabelSelectorRequirement${expressions}}`,
  );
}
