import { type Context, context, type Span, SpanStatusCode, trace, type Tracer as OtelApi } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { AttemptedReport, RuleReport, SettledReport, TriggerEvent } from '@kube-trigger/core';
import { VERSION } from '../version.js';
import type { Tracer } from './tracer.js';

interface Open {
  readonly span: Span;
  readonly context: Context;
}

/**
 * One trace for each change: `change` from when it was noticed to its end, in it a `filter` for each verdict that held it up or dropped it
 * and an `action` for each attempt. Names and reasons, never values. Open spans are bounded by the keys under way.
 */
export class OtelTracer implements Tracer {
  readonly #provider: BasicTracerProvider;
  readonly #tracer: OtelApi;
  readonly #open = new Map<string, Open>();

  constructor(env: Readonly<Record<string, string | undefined>>) {
    const defaults = resourceFromAttributes({
      'service.name': env['OTEL_SERVICE_NAME'] ?? 'kube-trigger',
      'service.version': VERSION,
    });
    this.#provider = new BasicTracerProvider({
      resource: detectResources({ detectors: [envDetector] }).merge(defaults),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    });
    this.#tracer = this.#provider.getTracer('kube-trigger', VERSION);
  }

  report(rule: { readonly namespace: string; readonly name: string }, report: RuleReport): void {
    const title = `${rule.namespace}/${rule.name}`;
    switch (report.type) {
      case 'verdict':
        return this.#verdict(this.#opened(title, report.event), report);
      case 'attempted':
        return this.#attempted(this.#opened(title, report.event), report);
      case 'settled':
        return this.#settled(title, report);
      case 'undone': {
        const id = idOf(title, report);
        this.#open.get(id)?.span.setAttribute('kube_trigger.outcome', 'undone').end();
        this.#open.delete(id);
      }
    }
  }

  async shutdown(): Promise<void> {
    for (const { span } of this.#open.values()) span.end();
    this.#open.clear();
    await this.#provider.shutdown();
  }

  #opened(rule: string, event: TriggerEvent): Open {
    const id = idOf(rule, event);
    const known = this.#open.get(id);
    if (known !== undefined) return known;
    const attributes = {
      'kube_trigger.rule': rule,
      'kube_trigger.source': event.source,
      'kube_trigger.key': event.key,
      'kube_trigger.change': event.change,
    };
    const span = this.#tracer.startSpan('change', {
      root: true,
      startTime: new Date(event.waitingSinceMs),
      attributes,
    });
    const opened = { span, context: trace.setSpan(context.active(), span) };
    this.#open.set(id, opened);
    return opened;
  }

  #verdict(within: Open, report: Extract<RuleReport, { type: 'verdict' }>): void {
    const { gate, verdict, because } = report;
    const attributes = { 'kube_trigger.verdict': verdict, 'kube_trigger.because': because };
    this.#tracer.startSpan(`filter ${gate}`, { attributes }, within.context).end();
  }

  #attempted(within: Open, report: AttemptedReport): void {
    const { action, attempt, outcome, error, startedAtMs, endedAtMs } = report;
    const attributes = { 'kube_trigger.attempt': attempt, 'kube_trigger.outcome': outcome };
    const span = this.#tracer.startSpan(
      `action ${action}`,
      { startTime: new Date(startedAtMs), attributes },
      within.context,
    );
    if (error !== undefined) fail(span, error.code, error.message);
    span.end(new Date(endedAtMs));
  }

  #settled(rule: string, { event, outcome, actions }: SettledReport): void {
    const { span } = this.#opened(rule, event);
    this.#open.delete(idOf(rule, event));
    span.setAttributes({ 'kube_trigger.outcome': outcome, 'kube_trigger.event_id': event.id });
    const failure = actions.find(({ error }) => error !== undefined)?.error;
    if (failure !== undefined) fail(span, failure.code, failure.message);
    span.end();
  }
}

function fail(span: Span, code: string, message: string): void {
  span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message });
}

function idOf(rule: string, { source, key }: { readonly source: string; readonly key: string }): string {
  return `${rule}\n${source}\n${key}`;
}
