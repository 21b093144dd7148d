import type { Logger, RuleReport, TriggerError } from '@kube-trigger/core';

/** One line per failure with constant messages; what went well is told at debug only. */
export function logReport(logger: Logger, rule: { namespace: string; name: string }, report: RuleReport): void {
  const of = { rule: `${rule.namespace}/${rule.name}` };
  switch (report.type) {
    case 'source':
      if (report.error === undefined) logger.debug({ ...of, source: report.source, state: report.state }, 'source');
      else logger.warn({ ...of, source: report.source, ...factsOf(report.error) }, 'source degraded');
      return;
    case 'verdict': {
      const { event, gate, verdict, because } = report;
      logger.debug({ ...of, key: event.key, gate, verdict, because }, 'verdict');
      return;
    }
    case 'attemptFailed': {
      const { event, action, attempt, nextAttemptAtMs } = report;
      const again = nextAttemptAtMs === undefined ? {} : { nextAttempt: new Date(nextAttemptAtMs).toISOString() };
      logger.warn({ ...of, key: event.key, action, attempt, ...again, ...factsOf(report.error) }, 'action failed');
      return;
    }
    case 'waiting': {
      const { event, action, because, againAtMs } = report;
      logger.debug({ ...of, key: event.key, action, because, again: new Date(againAtMs).toISOString() }, 'waiting');
      return;
    }
    case 'settled': {
      const { event, outcome, tookMs } = report;
      logger.debug({ ...of, key: event.key, change: event.change, outcome, tookMs }, 'settled');
      return;
    }
    case 'check':
      if (report.error !== undefined)
        logger.warn({ ...of, action: report.action, ...factsOf(report.error) }, 'check failed');
      return;
    case 'checkpoint':
      if (report.error !== undefined) logger.warn({ ...of, ...factsOf(report.error) }, 'checkpoint failed');
      return;
    case 'tripped':
      logger.error({ ...of, ...factsOf(report.error) }, 'breaker tripped');
      return;
    case 'resumed':
      logger.info(of, 'breaker reset');
      return;
    case 'fault':
      logger.error({ ...of, where: report.where, ...factsOf(report.error) }, 'plugin fault');
  }
}

function factsOf(error: TriggerError): object {
  return {
    code: error.code,
    error: error.message,
    ...error.facts,
    ...(error.fix === undefined ? {} : { fix: error.fix }),
  };
}
