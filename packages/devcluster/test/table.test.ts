import { describe, expect, it } from 'vitest';
import { printerColumns } from '../src/table/columns.js';
import { humanDuration } from '../src/table/duration.js';
import { jsonPath } from '../src/table/json-path.js';

describe('a JSON path', () => {
  const root = {
    metadata: { labels: { 'app.kubernetes.io/name': 'web' } },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Stalled', status: 'False' },
      ],
      list: [1, 2],
    },
  };

  it.each([
    ['.status.conditions[?(@.type=="Ready")].status', 'True'],
    ["{.status.conditions[?(@.type=='Stalled')].status}", 'False'],
    ['.status.list[1]', 2],
    ['.status.list[-1]', 2],
    ['.status.list[*]', [1, 2]],
    ["$.metadata.labels['app.kubernetes.io/name']", 'web'],
    [String.raw`.metadata.labels.app\.kubernetes\.io/name`, 'web'],
    ['.status.nothing.at.all', undefined],
    ['.constructor', undefined],
  ])('%s reads %j', (path, expected) => {
    expect(jsonPath(path)(root)).toEqual(expected);
  });
});

describe('an age', () => {
  it.each([
    [-5_000, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [330_000, '5m30s'],
    [1_800_000, '30m'],
    [4 * 3_600_000 + 120_000, '4h2m'],
    [30 * 3_600_000, '30h'],
    [50 * 3_600_000, '2d2h'],
    [90 * 86_400_000, '90d'],
    [800 * 86_400_000, '2y70d'],
  ])('of %i ms is %s', (ms, expected) => {
    expect(humanDuration(ms)).toBe(expected);
  });
});

describe('printer columns', () => {
  it('print dates as ages and nothing for what is missing or of another type', () => {
    const columns = printerColumns([
      { name: 'Fired', type: 'date', jsonPath: '.status.at' },
      { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
      { name: 'None', type: 'string', jsonPath: '.spec.none' },
    ]);
    const now = new Date('2026-01-01T00:01:00Z');
    const object = {
      apiVersion: 'v1',
      kind: 'X',
      metadata: { name: 'x' },
      spec: { size: 'big' },
      status: { at: '2026-01-01T00:00:00Z' },
    };
    expect(columns?.map(({ cell }) => cell(object, now))).toEqual(['x', '60s', null, null]);
  });
});
