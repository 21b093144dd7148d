// `node scripts/check-licences.mjs`: every dependency of the operator and its plugins has a licence that goes with Apache-2.0.
import { spawnSync } from 'node:child_process';

const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Python-2.0',
  'Unlicense',
]);

const listed = spawnSync(
  'npx',
  ['-y', 'pnpm@12.21.0', '--filter-prod', '@kube-trigger/operator...', 'licenses', 'list', '--prod', '--json'],
  {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
const byLicence = JSON.parse(listed.stdout);
const packages = Object.values(byLicence).flat().length;
const refused = Object.entries(byLicence).filter(([licence]) => !ALLOWED.has(licence));
for (const [licence, found] of refused)
  process.stderr.write(`${licence}: ${found.map(({ name, versions }) => `${name}@${versions}`).join(', ')}\n`);
if (packages === 0) process.stderr.write('no dependency was listed\n');
process.stdout.write(`${packages} packages: ${Object.keys(byLicence).toSorted().join(', ')}\n`);
process.exitCode = refused.length > 0 || packages === 0 ? 1 : 0;
