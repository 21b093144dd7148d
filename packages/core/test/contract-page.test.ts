import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Declarations } from './support/declarations.js';

const CONTRACT = new URL('../src/contract/', import.meta.url);
const PAGE = new URL('../../../docs/reference/plugin-contract.md', import.meta.url);
const INDEX = new URL('../src/index.ts', import.meta.url);

const sources = readdirSync(CONTRACT).map((name) => readFileSync(new URL(name, CONTRACT), 'utf8'));
const declared = new Declarations(sources.join('\n'));

/** What stands between the marks of the page: the members of an interface, a type as it is written, or what a name means. */
const RENDER: Readonly<Record<string, (name: string) => string>> = {
  members: (name) =>
    [
      ...paragraph(declared.comment(name)),
      ...declared.members(name).map(({ signature, comment }) => item(signature, comment)),
    ].join('\n'),
  type: (name) => [...paragraph(declared.comment(name)), '```ts', declared.text(name), '```'].join('\n'),
  meaning: (name) => item(name, declared.comment(name)),
};

function paragraph(comment: readonly string[]): string[] {
  return comment.length === 0 ? [] : [...comment, ''];
}

function item(code: string, comment: readonly string[]): string {
  return [`- \`${code}\`${comment.length === 0 ? '' : ':'}`, ...comment].join('\n  ');
}

const MARKED = /(<!-- (members|type|meaning) of ([\w ]+) -->\n)[^]*?(<!-- end -->)/g;

/** Written by `vitest run packages/core/test/contract-page.test.ts -u`, between its marks. */
describe('docs/reference/plugin-contract.md', () => {
  const page = readFileSync(PAGE, 'utf8');

  it('says what the code says', async () => {
    const written = page.replaceAll(MARKED, (_, begin: string, form: string, names: string, end: string) => {
      const parts = names.split(' ').map((name) => RENDER[form]?.(name));
      return `${begin}\n${parts.join(form === 'type' ? '\n\n' : '\n')}\n\n${end}`;
    });
    await expect(written).toMatchFileSnapshot(PAGE.pathname);
  });

  it('has all that the contract exports', () => {
    const exported = [...readFileSync(INDEX, 'utf8').matchAll(/export (?:type )?\{([^}]*)\} from '\.\/contract\//g)]
      .flatMap(([, names = '']) => names.split(','))
      .map((name) => name.trim())
      .filter((name) => name !== '');
    expect(exported.length).toBeGreaterThan(50);
    expect(exported.filter((name) => !new RegExp(`\\b${name}\\b`).test(page))).toEqual([]);
  });

  it('has each interface of the contract once', () => {
    const interfaces = sources.flatMap((text) =>
      [...text.matchAll(/^(?:export )?interface (\w+)/gm)].map(([, name = '']) => name),
    );
    const shown = [...page.matchAll(MARKED)].flatMap(([, , , names = '']) => names.split(' '));
    expect(new Set(shown).size).toBe(shown.length);
    expect(interfaces.filter((name) => !shown.includes(name))).toEqual([]);
  });
});
