import type { RuleReport } from '@kube-trigger/core';

/** Hears what the log and the metrics hear. */
export interface Tracer {
  report(rule: { readonly namespace: string; readonly name: string }, report: RuleReport): void;
  /** Sends what is left. */
  shutdown(): Promise<void>;
}

/**
 * By the standard variables of OpenTelemetry: on where `OTEL_TRACES_EXPORTER=otlp` or an `OTEL_EXPORTER_OTLP_…ENDPOINT` is set, and
 * `OTEL_SDK_DISABLED` is not true. Loaded only then: it costs memory.
 */
export async function tracerFor(env: Readonly<Record<string, string | undefined>>): Promise<Tracer | undefined> {
  const exporter = env['OTEL_TRACES_EXPORTER']?.trim();
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || exporter === 'none') return undefined;
  if (exporter !== undefined && exporter !== '' && exporter !== 'otlp')
    throw new Error(`OTEL_TRACES_EXPORTER=${exporter} is not known here; use otlp or none`);
  if (exporter !== 'otlp' && endpoint === undefined) return undefined;
  const { OtelTracer } = await import('./otel-tracer.js');
  return new OtelTracer(env);
}
