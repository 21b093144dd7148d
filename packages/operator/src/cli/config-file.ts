import { readFileSync } from 'node:fs';
import { nearest } from '@kube-trigger/core';
import type { Command, Option } from 'commander';
import { parse } from 'yaml';

/**
 * Replaces `--config FILE` by the options that the file stands for, before those of the command line: the latter win, and lists add up.
 * Keys are the options of `run` in lowerCamelCase, in the plural where an option may be repeated (`plugins`, `namespaces`).
 * Commands that lack an option pass over its key, so that one file serves all of them.
 */
export function withConfigFile(args: readonly string[], program: Command): string[] {
  const at = args.findIndex((arg) => arg === '--config' || arg.startsWith('--config='));
  const { command, depth } = commandOf(args, program);
  if (at < 0 || !command.options.some(({ long }) => long === '--config')) return [...args];
  const inline = args[at]?.split('=', 2)[1];
  const file = inline ?? args[at + 1];
  if (file === undefined) return [...args]; // commander says that its value is missing
  const known = keysOf(program.commands.find((candidate) => candidate.name() === 'run') ?? program);
  const own = new Set(keysOf(command).keys());
  const fromFile = Object.entries(read(file)).flatMap(([key, value]) => {
    const option = known.get(key);
    if (option === undefined) throw unknownKey(file, key, [...known.keys()]);
    return own.has(key) ? flags(option, value, `${file}: ${key}`) : [];
  });
  return [...args.slice(0, depth), ...fromFile, ...args.slice(depth)];
}

/** The command that the first words name, such as `plugins list`, and how many words that are. */
function commandOf(args: readonly string[], program: Command): { readonly command: Command; readonly depth: number } {
  let command = program;
  for (const [depth, word] of args.entries()) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) return { command, depth };
    command = next;
  }
  return { command, depth: args.length };
}

function keysOf(command: Command): Map<string, Option> {
  const settable = command.options.filter((option) => option.long !== undefined && option.attributeName() !== 'config');
  return new Map(settable.map((option) => [keyOf(option), option]));
}

function keyOf(option: Option): string {
  return isRepeatable(option) ? `${option.attributeName()}s` : option.attributeName();
}

function isRepeatable({ defaultValue }: Option): boolean {
  return Array.isArray(defaultValue);
}

function read(file: string): object {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new Error(`--config ${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
      cause: thrown,
    });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new Error(`--config ${file}: it is not a map of options, such as \`plugins: [my-plugin]\``);
  return content;
}

function flags(option: Option, value: unknown, where: string): string[] {
  const long = option.long ?? '';
  if (isRepeatable(option)) {
    if (!Array.isArray(value)) throw new Error(`${where} must be a list`);
    return value.flatMap((item) => [long, text(item, where)]);
  }
  // `--leader-elect` and `--no-leader-elect` are one key.
  if (option.isBoolean() || option.negate) {
    if (typeof value !== 'boolean') throw new Error(`${where} must be true or false`);
    return value === !option.negate ? [long] : [];
  }
  return [long, text(value, where)];
}

function text(value: unknown, where: string): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new Error(`${where} must be a text or a number`);
}

function unknownKey(file: string, key: string, known: readonly string[]): Error {
  const close = nearest(key, known);
  const hint = close === undefined ? `known: ${known.toSorted().join(', ')}` : `did you mean "${close}"?`;
  return new Error(`--config ${file}: there is no option "${key}"; ${hint}`);
}
