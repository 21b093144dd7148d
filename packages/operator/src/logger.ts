import { pino, type Logger as PinoLogger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
export const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** The least severe level that is logged; may be changed at any time, and counts for every child at once. */
export interface LogThreshold {
  level: LogLevel;
}

/** JSON lines on standard error, with constant messages and facts as fields. Fields that could hold a credential are censored. */
export function createLogger(threshold: LogLevel | LogThreshold): PinoLogger {
  const limit = typeof threshold === 'string' ? { level: threshold } : threshold;
  return pino(
    {
      // A child of pino keeps the level that it was made with: the line is drawn below instead.
      level: 'trace',
      hooks: {
        logMethod(args, method, level) {
          if (level >= numberOf(limit.level)) method.apply(this, args);
        },
      },
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ['token', '*.token', 'authorization', '*.authorization', 'headers', '*.headers', 'body', '*.body'],
      },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

function numberOf(level: LogLevel): number {
  return level === 'silent' ? Infinity : (pino.levels.values[level] ?? 0);
}

/** Lets SIGUSR2 switch to `debug` and back. A signal needs rights on the process; an HTTP endpoint would need its own access control. */
export function debugOnSignal(threshold: LogThreshold, logger: Pick<PinoLogger, 'info'>): () => void {
  const usual = threshold.level;
  const toggle = () => {
    threshold.level = threshold.level === usual ? 'debug' : usual;
    logger.info({ level: threshold.level }, 'log level changed');
  };
  process.on('SIGUSR2', toggle);
  return () => process.off('SIGUSR2', toggle);
}
