import { CHOICE_WORDS, type Choices } from '@kube-trigger/core';

/** A rule of `x-kubernetes-validations`. Servers before 1.25 drop it, so the operator refuses the same in the same words. */
export interface CelRule {
  readonly rule: string;
  /** What servers before 1.27 say, which know no `messageExpression`. */
  readonly message: string;
  readonly messageExpression?: string;
}

/** The CEL rules for fields of an object that exclude each other. */
export function choiceRules({ exactlyOneOf, atMostOneOf }: Choices): CelRule[] {
  const rules: CelRule[] = [];
  if (exactlyOneOf !== undefined) {
    rules.push({
      rule: exactlyOneOf.map((name) => `has(self.${celName(name)})`).join(' || '),
      message: CHOICE_WORDS.none(exactlyOneOf),
    });
  }
  for (const names of [exactlyOneOf, atMostOneOf]) {
    if (names !== undefined) rules.push(notSeveral(names, (found) => CHOICE_WORDS.several([found])));
  }
  return rules;
}

/** At most one of these fields. `words` has the fields that are there in it once; the message without them names all. */
export function notSeveral(names: readonly string[], words: (found: string) => string): CelRule {
  // Put together without a list: what `join` gives is taken for any length, and the API server refuses expressions that may cost too much.
  const present = names.map((name) => `has(self.${celName(name)})`);
  const found = names.map((name, i) => {
    const and = i === 0 ? '' : `(${present.slice(0, i).join(' || ')} ? ' and ' : '') + `;
    return `(${present[i]} ? ${and}${text(name)} : '')`;
  });
  const [before = '', after = ''] = words('\n').split('\n');
  return {
    rule: `[${present.join(', ')}].filter(one, one).size() <= 1`,
    message: words(`more than one of ${names.join(', ')}`),
    messageExpression: [text(before), ...found, text(after)].join(' + '),
  };
}

function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}

/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules */
const CEL_WORDS = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** How a field is called in CEL: its reserved words, and characters that no name of it has, are escaped. */
export function celName(field: string): string {
  if (CEL_WORDS.has(field)) return `__${field}__`;
  return field
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}
