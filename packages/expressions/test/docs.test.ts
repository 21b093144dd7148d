import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VARIABLES } from '../src/variables.js';

const PAGE = readFileSync(new URL('../../../docs/reference/expressions.md', import.meta.url), 'utf8');

describe('docs/reference/expressions.md', () => {
  it('has every variable that there is, with its type, and no other', () => {
    const [, table = ''] = PAGE.split('\n## Variables\n');
    const rows = [...table.matchAll(/^\| (`.+`) +\| ([^|]+?) +\|/gm)].map(([, names = '', type]) => ({ names, type }));
    const described = rows.flatMap(({ names, type }) =>
      [...names.matchAll(/`([\w.]+)`/g)].map(([, name]) => `${name}: ${type}`),
    );
    const known = Object.entries(VARIABLES).flatMap(([owner, fields]) =>
      typeof fields === 'string'
        ? [`${owner}: ${plainType(fields)}`]
        : Object.entries(fields).map(([field, type]) => `${owner}.${field}: ${plainType(type)}`),
    );
    expect(described.toSorted()).toEqual(known.toSorted());
  });
});

function plainType(type: string): string {
  return type === 'google.protobuf.Timestamp' ? 'timestamp' : type;
}
