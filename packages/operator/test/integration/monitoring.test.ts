import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SyntaxNodeRef } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { startEmbedded } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { seedRule, Stage } from '../support/stage.js';

const FOLDER = join(import.meta.dirname, '../../../../deploy/monitoring');
const alerts = parse(readFileSync(join(FOLDER, 'alerts.yaml'), 'utf8')) as {
  groups: { rules: { alert: string; expr: string }[] }[];
};
const dashboard = JSON.parse(readFileSync(join(FOLDER, 'dashboard.json'), 'utf8')) as {
  panels: { title: string; targets: { expr: string }[] }[];
};
const EXPRESSIONS = [
  ...alerts.groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as const)),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [`panel ${title}`, expr] as const)),
].map(([where, expr]) => [where, expr.replaceAll('$__rate_interval', '5m')] as const);

/** Metrics with the labels that the expression looks at: matchers of each selector, and `by` and `on` lists for all of them. */
function lookedAt(expr: string): { metrics: Map<string, Set<string>>; lists: Set<string>; broken: boolean } {
  const metrics = new Map<string, Set<string>>();
  const lists = new Set<string>();
  let broken = false;
  let current = new Set<string>();
  parser.parse(expr).iterate({
    enter(node: SyntaxNodeRef) {
      const text = expr.slice(node.from, node.to);
      if (node.type.isError) broken = true;
      if (node.name === 'VectorSelector') {
        const name = /^[a-zA-Z_:][\w:]*/.exec(text)?.[0] ?? '';
        current = metrics.get(name) ?? new Set();
        metrics.set(name, current);
      }
      if (node.name !== 'LabelName') return;
      (node.node.parent?.name === 'GroupingLabels' ? lists : current).add(text);
    },
  });
  return { metrics, lists, broken };
}

describe('the dashboard and the alerts', () => {
  let stage: Stage;
  let scraped = new Map<string, Set<string>>();
  beforeAll(async () => {
    stage = await Stage.open(startEmbedded);
    await stage.configMap('cm', { a: '1' });
    await stage.workload('deployments', 'web');
    const { healthPort } = await stage.startOperator({ healthPort: 0 });
    await stage.rule('web', seedRule({ kind: 'Deployment', name: 'web' }, { name: 'cm' }));
    await stage.ready('web');
    const response = await fetch(`http://127.0.0.1:${healthPort}/metrics`);
    scraped = seriesOf(await response.text());
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it.each(EXPRESSIONS)('%s names only metrics and labels that an operator has from its start: %s', (_, expr) => {
    const { metrics, lists, broken } = lookedAt(expr);
    expect(broken).toBe(false);
    expect(metrics.size).toBeGreaterThan(0);
    const known = new Set<string>();
    for (const [metric, labels] of metrics) {
      expect([...scraped.keys()]).toContain(metric);
      for (const label of labels) expect([...(scraped.get(metric) ?? [])]).toContain(label);
      for (const label of scraped.get(metric) ?? []) known.add(label);
    }
    for (const label of lists) expect([...known]).toContain(label);
  });

  it('would be told of a metric and a label that do not exist', () => {
    const { metrics, lists } = lookedAt('sum by (colour) (rate(kube_trigger_evnts_total{outcom="x"}[5m]))');
    expect([...metrics]).toEqual([['kube_trigger_evnts_total', new Set(['outcom'])]]);
    expect([...lists]).toEqual(['colour']);
    expect(lookedAt('sum(').broken).toBe(true);
  });

  it('find counters that end in _total, and those of the process', () => {
    expect([...scraped.keys()]).toEqual(
      expect.arrayContaining(['kube_trigger_api_requests_total', 'process_cpu_seconds_total', 'kube_trigger_leading']),
    );
  });
});

/** By metric, the labels that some series of it has. */
function seriesOf(text: string): Map<string, Set<string>> {
  const series = new Map<string, Set<string>>();
  for (const line of text.split('\n').filter((each) => /^[a-z]/i.test(each))) {
    const name = /^[\w:]+/.exec(line)?.[0] ?? '';
    const labels = series.get(name) ?? new Set<string>();
    for (const [, label = ''] of line.matchAll(/([a-z_]+)="/g)) labels.add(label);
    series.set(name, labels);
  }
  return series;
}
