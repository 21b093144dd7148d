import type { ExecResult, OutputTail } from '@kube-trigger/kube';
import type { ExecConfig } from './config.js';
import { execError } from './errors.js';
import { isAmong } from './exit-codes.js';

/** What a success is told with; throws for every other exit code. */
export function judge({ exitCode, stdout, stderr }: ExecResult, config: ExecConfig): string {
  const said = `exit code ${exitCode}${config.showOutput ? shown(stdout, 'stdout') + shown(stderr, 'stderr') : ''}`;
  if (isAmong(exitCode, config.successCodes)) return said;
  const hidden = config.showOutput ? '' : ' Its output is not shown; set showOutput if it never has secrets';
  const fix = isNotFound(exitCode)
    ? 'The program was not found or cannot be executed: correct command'
    : `See the pod's log, or adapt successCodes and retryCodes.${hidden}`;
  throw execError('KT_EXEC_EXIT_CODE', `ended with ${said}`, {
    retry: isAmong(exitCode, config.retryCodes) ? 'backoff' : 'never',
    fix,
    facts: { exitCode, stdoutBytes: stdout.total, stderrBytes: stderr.total },
  });
}

/** As shells say it. */
function isNotFound(exitCode: number): boolean {
  return exitCode === 126 || exitCode === 127;
}

const SHOWN = 300;

/** The end of it as one line: control characters could forge lines of a log. */
function shown({ bytes, total }: OutputTail, name: string): string {
  const text = bytes
    .toString('utf8')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFFFD]+/gu, ' ')
    .trim();
  if (text === '') return '';
  const cut = text.length > SHOWN || total > bytes.length;
  return `, ${name}: ${cut ? `…${text.slice(-SHOWN)}` : text}`;
}
