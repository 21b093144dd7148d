// The prober's own tools. Relative, because the operator must not depend on the bench, which depends on the operator.
export {
  definitionTexts,
  judge,
  OperatorProcess,
  Random,
  Recorder,
  TcpLink,
  Trio,
  type Condition,
  type TargetKind,
  type Verdict,
  type Write,
} from '../../../../bench/src/index.js';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** The operator runs here as its users run it, from what was built; only where nothing was built yet that is done now. */
export function buildOperator(): void {
  if (existsSync(`${ROOT}packages/operator/dist/main.js`)) return;
  execFileSync(`${ROOT}node_modules/.bin/tsc`, ['-b', 'packages/operator'], { cwd: ROOT, stdio: 'inherit' });
}
