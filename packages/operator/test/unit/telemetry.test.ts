import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type RuleReport, TriggerError, type TriggerEvent } from '@kube-trigger/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { debugOnSignal, type LogThreshold } from '../../src/logger.js';
import { Metrics } from '../../src/server/metrics.js';
import { tracerFor } from '../../src/telemetry/tracer.js';

let loads = 0;
vi.mock('../../src/telemetry/otel-tracer.js', async (original) => {
  loads += 1;
  return await original();
});

const EVENT: TriggerEvent = {
  id: 'i',
  source: 'configMap[0]',
  key: 'ConfigMap/shop/cm',
  revision: 'r',
  change: 'updated',
  observedAtMs: 1000,
  waitingSinceMs: 1000,
};
const RULE = { namespace: 'shop', name: 'web' };
const error = new TriggerError('KT_X', 'no');
const attempted = { type: 'attempted', event: EVENT, action: 'roll', startedAtMs: 3000, endedAtMs: 3500 } as const;
const WAY: readonly RuleReport[] = [
  { type: 'verdict', event: EVENT, gate: 'calm', verdict: 'defer', because: 'quiet for 2 s', untilMs: 3000 },
  { ...attempted, attempt: 1, outcome: 'failed', error },
  { ...attempted, attempt: 2, outcome: 'done', startedAtMs: 4000, endedAtMs: 4100 },
  { type: 'settled', event: EVENT, outcome: 'done', actions: [], tookMs: 3100 },
];

afterEach(() => vi.unstubAllEnvs());

describe('tracing', () => {
  it('is off, and not even loaded, unless the standard variables ask for it', async () => {
    expect(await tracerFor({})).toBeUndefined();
    expect(await tracerFor({ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x' })).toBeUndefined();
    expect(await tracerFor({ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' })).toBeUndefined();
    await expect(tracerFor({ OTEL_TRACES_EXPORTER: 'zipkin' })).rejects.toThrow(
      /zipkin is not known here; use otlp or none/,
    );
    expect(loads).toBe(0);
  });

  it('sends one trace for each change: the change, what held it up, and each attempt', async () => {
    const bodies: string[] = [];
    const server = createServer(
      (request, response) => void text(request).then((body) => (bodies.push(body), response.writeHead(200).end('{}'))),
    );
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
    vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment=test');
    const tracer = await tracerFor({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    for (const report of WAY) tracer?.report(RULE, report);
    await tracer?.shutdown();
    server.close();
    expect(loads).toBe(1);
    const spans = bodies.flatMap((body) => spansOf(body));
    const root = spans.find(({ name }) => name === 'change');
    expect(root).toMatchObject({ startTimeUnixNano: '1000000000' });
    const children = spans.filter(
      ({ parentSpanId, traceId }) => parentSpanId === root?.spanId && traceId === root?.traceId,
    );
    expect(children.map(({ name, status }) => `${name} ${status.code ?? 0}`)).toEqual([
      'filter calm 0',
      'action roll 2',
      'action roll 0',
    ]);
    expect(bodies.join('')).toContain('deployment.environment');
    expect(bodies.join('')).toContain('"kube-trigger"');
  });
});

interface SpanJson {
  readonly name: string;
  readonly spanId: string;
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly status: { readonly code?: number };
}

function spansOf(body: string): SpanJson[] {
  const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SpanJson[] }[] }[] };
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

describe('metrics', () => {
  const rule = (i: number) => ({
    namespace: 'shop',
    rule: `r${i}`,
    counters: { done: i, unchanged: 0, failed: 0, dropped: 0 },
    conditions: [{ type: 'Ready', status: 'True' }] as const,
  });
  const metricsOf = (count: number) =>
    new Metrics({
      registry: bundledRegistry(),
      stats: () => ({ watches: [], openSockets: 1, requests: 7, failures: { KT_KUBE_FORBIDDEN: 2 } }),
      ruleCount: () => count,
      rules: (limit) => Array.from({ length: Math.min(limit, count) }, (_, i) => rule(i)),
      underWay: () => 0,
      leading: () => true,
    });

  it('have all series that are known beforehand at 0', async () => {
    const said = await metricsOf(0).text();
    expect(said).toContain('kube_trigger_events_total{outcome="failed"} 0');
    expect(said).toContain('kube_trigger_action_failures_total{code="KT_WEBHOOK_STATUS"} 0');
    expect(said).toContain('kube_trigger_action_duration_seconds_count{outcome="waiting"} 0');
    expect(said).toContain('kube_trigger_plugin_faults_total 0');
    expect(said).toContain('kube_trigger_api_requests_total 7');
    expect(said).toContain('kube_trigger_api_failures_total{code="KT_KUBE_FORBIDDEN"} 2');
    expect(said).toContain('kube_trigger_api_failures_total{code="KT_KUBE_NOT_FOUND"} 0');
    expect(said).toMatch(/^process_cpu_seconds_total /m);
  });

  it('are bounded: rules beyond the bound have no series of their own, those that are gone none at all', async () => {
    const said = await metricsOf(1500).text();
    expect(said.match(/^kube_trigger_rule_condition\{/gm)).toHaveLength(1000);
    expect(said).toContain('kube_trigger_rules_without_series 500');
    expect(await metricsOf(1).text()).toContain(
      'kube_trigger_rule_events_total{namespace="shop",rule="r0",outcome="done"} 0',
    );
  });

  it('tell waiting from acting', async () => {
    const metrics = metricsOf(0);
    for (const report of WAY) metrics.count(report);
    const said = await metrics.text();
    expect(said).toContain('kube_trigger_delivery_wait_seconds_sum 2');
    expect(said).toContain('kube_trigger_action_duration_seconds_sum{outcome="failed"} 0.5');
  });
});

describe('the log level', () => {
  it('is debug after SIGUSR2, and as before after another one', () => {
    const threshold: LogThreshold = { level: 'warn' };
    const before = process.listeners('SIGUSR2').length;
    const undo = debugOnSignal(threshold, { info: () => undefined });
    process.emit('SIGUSR2');
    expect(threshold.level).toBe('debug');
    process.emit('SIGUSR2');
    expect(threshold.level).toBe('warn');
    undo();
    expect(process.listeners('SIGUSR2')).toHaveLength(before);
  });
});
