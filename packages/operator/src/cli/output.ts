import { styleText } from 'node:util';
import { Option } from 'commander';
import { stringify } from 'yaml';

export type Output = 'table' | 'json' | 'yaml';

/** `--output`, with the forms that a command has; the first is its default. */
export function outputOption(forms: readonly Output[] = ['table', 'json', 'yaml']): Option {
  return new Option('-o, --output <form>', 'how it is printed').choices(forms).default(forms[0]);
}

/** For machines in the form that they ask for, for people by `inWords`. */
export function printAs(output: Output, value: unknown, inWords: () => void): void {
  if (output === 'json') printJson(value);
  else if (output === 'yaml') printYaml([value]);
  else inWords();
}

/** Colours for people only: none in a pipe or a file, none where NO_COLOR is set (https://no-color.org). */
export function coloured(style: 'red' | 'green' | 'yellow' | 'dim' | 'bold', text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** YAML documents that readers of YAML 1.1 (kubectl) and 1.2 read the same. `comment` goes before the first. */
export function printYaml(values: readonly unknown[], comment = ''): void {
  const documents = values.map((value) => stringify(value, { aliasDuplicateObjects: false, version: '1.1' }));
  const head = comment === '' ? '' : comment.replaceAll(/^/gm, '# ').concat('\n');
  process.stdout.write(head + documents.join('---\n'));
}

/** Columns two blanks apart, as kubectl prints them; the last one is not padded. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const lines = [head, ...rows].map((row) => {
    const cells = row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)));
    return `${cells.join('  ').trimEnd()}\n`;
  });
  return lines.join('');
}

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  process.stdout.write(tableText(head, rows));
}
