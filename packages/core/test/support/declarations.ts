/** One field or method of an interface: `open(config: C, …): …`, and what its comment says. */
export interface Member {
  readonly signature: string;
  readonly comment: readonly string[];
}

/**
 * Reads what TypeScript declares, from its text as oxfmt leaves it: interfaces by name with their members, everything else (types,
 * constants, functions) with its text and comment. Enough for the files of `src/contract`, and no more.
 */
export class Declarations {
  readonly #lines: readonly string[];

  constructor(text: string) {
    this.#lines = text.split('\n');
  }

  /** Throws when there is none: the page names what is gone. */
  members(name: string): Member[] {
    const [, ...body] = this.#block(name);
    const found: Member[] = [];
    let comment: string[] = [];
    let signature = '';
    let inComment = false;
    for (const line of body.slice(0, -1).map((text) => text.trim())) {
      if (signature === '' && (inComment || line.startsWith('/**'))) {
        comment.push(line);
        inComment = !line.endsWith('*/');
        continue;
      }
      signature = signature === '' ? line : `${signature} ${line}`;
      if (!line.endsWith(';') || depthOf(signature) > 0) continue;
      found.push({ signature: tidy(signature), comment: wordsOf(comment) });
      [comment, signature] = [[], ''];
    }
    return found;
  }

  /** As it stands there, without `export`, comments inside of it left out. */
  text(name: string): string {
    const code = this.#block(name).filter((line) => !/^\s*(?:\/\*\*.*|\*.*)$/.test(line));
    return code.join('\n').replace(/^export /, '');
  }

  comment(name: string): readonly string[] {
    const start = this.#start(name);
    if (!this.#lines[start - 1]?.endsWith('*/')) return [];
    let first = start - 1;
    while (!this.#lines[first]?.startsWith('/**')) first -= 1;
    return wordsOf(this.#lines.slice(first, start));
  }

  #start(name: string): number {
    const head = new RegExp(`^(?:export )?(?:interface|type|const|function|class) ${name}\\b`);
    const start = this.#lines.findIndex((line) => head.test(line));
    if (start === -1) throw new Error(`src/contract declares no ${name}`);
    return start;
  }

  #block(name: string): string[] {
    const rest = this.#lines.slice(this.#start(name));
    const last = /^(?:export )?(?:type|const) /.test(rest[0] ?? '') ? ';' : '}';
    for (let length = 1; length <= rest.length; length += 1) {
      const block = rest.slice(0, length);
      if (depthOf(block.join('\n')) === 0 && block.at(-1)?.endsWith(last) === true) return block;
    }
    throw new Error(`${name} does not end`);
  }
}

/** How many brackets are open; arrows and comments do not count. */
function depthOf(text: string): number {
  const code = text.replaceAll(/\/\*\*[^]*?\*\/|=>/g, '');
  return (code.match(/[({[<]/g) ?? []).length - (code.match(/[)}\]>]/g) ?? []).length;
}

function tidy(signature: string): string {
  return signature
    .replace(/^readonly /, '')
    .replace(/;$/, '')
    .replaceAll('this: void, ', '');
}

function wordsOf(comment: readonly string[]): string[] {
  return comment
    .map((line) =>
      line
        .trim()
        .replace(/^\/\*\* ?/, '')
        .replace(/ ?\*\/$/, '')
        .replace(/^\* ?/, '')
        .trim(),
    )
    .filter((line) => line !== '');
}
