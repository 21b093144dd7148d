import { fieldsOf, type JsonSchema, type SchemaField } from './schema-fields.js';

const HEAD = ['Option', 'Type', 'Default', 'Meaning'];

/** The option table of a plugin's README, as Markdown, made from its config schema. */
export function optionTable(schema: object): string {
  const rows = optionRows(schema);
  const separator = HEAD.map(() => '---');
  return [HEAD, separator, ...rows].map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n');
}

/** The table's cells, without its head: option, type, default, meaning. */
export function optionRows(schema: object): string[][] {
  return fieldsOf(schema).map((field) => [
    `\`${field.path}\``,
    typeOf(field.schema),
    defaultOf(field),
    field.schema.description ?? '',
  ]);
}

/** The cells of the first Markdown table whose head is that of an option table; padding does not count. */
export function readOptionTable(markdown: string): string[][] {
  const lines = markdown.split('\n').map((line) => line.trim());
  const head = lines.findIndex((line) => cellsOf(line).join() === HEAD.join());
  if (head < 0) return [];
  const rest = lines.slice(head + 2);
  const end = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(0, end < 0 ? undefined : end).map(cellsOf);
}

function cellsOf(line: string): string[] {
  const cells = line.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll(String.raw`\|`, '|'));
}

function escaped(cell: string): string {
  return cell.replaceAll('|', String.raw`\|`);
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(' or ');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.patternProperties !== undefined) return 'map';
  // The only union there is.
  return typeof schema.type === 'object' ? 'number or percentage' : (schema.type ?? 'any');
}

function defaultOf({ schema, required }: SchemaField): string {
  if (schema.default !== undefined) return `\`${JSON.stringify(schema.default)}\``;
  return required ? 'required' : '';
}
