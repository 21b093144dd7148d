import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { optionRows, optionTable, readOptionTable } from '../../src/contracts/index.js';

const schema = Type.Object({
  name: Type.String({ description: 'A name | or none.' }),
  size: Type.Integer({ default: 1, description: 'How large.' }),
  rules: Type.Optional(
    Type.Array(Type.Object({ verb: Type.Optional(Type.String({ description: 'What.' })) }), { description: 'Rules.' }),
  ),
  labels: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Labels.' })),
});

const ROWS = [
  ['`name`', 'string', 'required', 'A name | or none.'],
  ['`size`', 'integer', '`1`', 'How large.'],
  ['`rules`', 'list of object', '', 'Rules.'],
  ['`rules[].verb`', 'string', '', 'What.'],
  ['`labels`', 'map', '', 'Labels.'],
];

it('has a row per field, with its type, default and meaning', () => {
  expect(optionRows(schema)).toEqual(ROWS);
});

it('is read back out of a README, whatever its padding', () => {
  const padded = optionTable(schema).replaceAll(/(?<!\\)\| /g, '|    ');
  expect(readOptionTable(`# x\n\n${padded}\n\n| Other | Table |\n| --- | --- |\n| a | b |\n`)).toEqual(ROWS);
});

it('is empty where a README has none', () => {
  expect(readOptionTable('# x\n\n| Other | Table |\n| --- | --- |\n| a | b |\n')).toEqual([]);
});
