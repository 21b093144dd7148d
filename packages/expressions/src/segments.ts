/** Text as it stands, or an expression between `${` and `}`. */
export type Segment = { readonly text: string } | { readonly expression: string; readonly at: number };

/** A template that cannot be read; `at` is the offset of the reason. */
export class TemplateSyntaxError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/**
 * Splits a template into text and expressions. `$${` stands for a plain `${`; a `$` before anything else for itself. Braces and quotes
 * inside an expression are those of CEL: a `}` in a string or of a map ends nothing. Throws a `TemplateSyntaxError`.
 */
export function segmentsOf(template: string): Segment[] {
  const segments: Segment[] = [];
  let text = '';
  let at = 0;
  while (at < template.length) {
    if (template.startsWith('$${', at)) {
      text += '${';
      at += 3;
    } else if (template.startsWith('${', at)) {
      const end = endOfExpression(template, at + 2);
      segments.push({ text }, { expression: template.slice(at + 2, end), at: at + 2 });
      text = '';
      at = end + 1;
    } else {
      text += template.charAt(at);
      at += 1;
    }
  }
  segments.push({ text });
  return segments.filter((segment) => !('text' in segment) || segment.text !== '');
}

function endOfExpression(template: string, from: number): number {
  let depth = 0;
  for (let at = from; at < template.length; at += 1) {
    const char = template.charAt(at);
    if (char === '"' || char === "'") at = endOfString(template, at);
    else if (char === '{') depth += 1;
    else if (char === '}' && depth === 0) return at;
    else if (char === '}') depth -= 1;
  }
  throw new TemplateSyntaxError('"${" is not closed; add "}", or write "$${" for a plain "${"', from - 2);
}

/** The offset of the last quote of the string that begins at `from`. cel-js reads past `\"` in raw strings (`r"…"`) too. */
function endOfString(template: string, from: number): number {
  const quote = template.charAt(from);
  const triple = quote.repeat(3);
  const close = template.startsWith(triple, from) ? triple : quote;
  for (let at = from + close.length; at < template.length; at += 1) {
    if (template.startsWith(close, at)) return at + close.length - 1;
    if (template.charAt(at) === '\\') at += 1;
  }
  throw new TemplateSyntaxError(`the string that begins with ${close} is not closed`, from);
}
