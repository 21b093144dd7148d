import type { ConfigIssue } from '@kube-trigger/core';
import { selectorIssues } from '@kube-trigger/kube';
import { type KindRef, knownKind } from '../targets/kinds.js';
import type { Pacing, Wave } from './config.js';
import { canUndo } from './history.js';

/** What of the rest of the config counts for pacing. */
interface Beside {
  readonly kinds: readonly KindRef[];
  readonly patchType?: 'merge' | 'apply' | undefined;
}

/** What the schema cannot say about `pacing`. */
export function pacingIssues(pacing: Pacing, beside: Beside): ConfigIssue[] {
  return [
    ...optionIssues(pacing),
    ...(pacing.waves ?? []).flatMap(waveIssues),
    ...shareIssues(pacing),
    ...kindIssues(pacing, beside.kinds),
    ...undoIssues(pacing, beside),
  ];
}

function optionIssues({ waves, progress, waveIntervalSeconds, ...pacing }: Pacing): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const chosen = [waves, progress, waveIntervalSeconds, ...Object.values(pacing)].some((value) => value !== undefined);
  if (!chosen)
    issues.push({ path: 'pacing', message: 'is empty; say concurrency, minIntervalSeconds or waves, or leave it out' });
  if (progress === 'time' && waveIntervalSeconds === undefined) {
    issues.push({ path: 'pacing.progress', message: '"time" needs waveIntervalSeconds: the time between two waves' });
  }
  for (const [path, value] of Object.entries({ progress, waveIntervalSeconds })) {
    if (value === undefined || waves !== undefined) continue;
    issues.push({
      path: `pacing.${path}`,
      message: 'is about what comes between waves; add pacing.waves, or remove it',
    });
  }
  return issues;
}

function waveIssues(wave: Wave, index: number): ConfigIssue[] {
  const path = `pacing.waves[${index}]`;
  const { matchLabels, matchExpressions, percent, count } = wave;
  const labels = Object.keys(matchLabels ?? {}).length + (matchExpressions ?? []).length > 0;
  const said = [
    labels ? 'labels' : [],
    percent === undefined ? [] : 'percent',
    count === undefined ? [] : 'count',
  ].flat();
  if (said.length === 0)
    return [{ path, message: 'names nobody; write matchLabels, matchExpressions, percent or count' }];
  if (said.length > 1) return [{ path, message: `has ${said.join(' and ')}; keep one of them` }];
  return selectorIssues(wave, path);
}

/** A wave after all hundred percent would always be empty. */
function shareIssues({ waves = [] }: Pacing): ConfigIssue[] {
  let taken = 0;
  return waves.flatMap(({ percent, count }, index) => {
    const before = taken;
    taken += percent ?? 0;
    if (before >= 100 && count !== undefined) {
      return [
        {
          path: `pacing.waves[${index}].count`,
          message: 'comes after 100 percent, so nobody is left for it; remove it',
        },
      ];
    }
    if (percent === undefined || taken <= 100) return [];
    const message = `makes ${taken} percent with the waves before it; 100 are all`;
    return [{ path: `pacing.waves[${index}].percent`, message }];
  });
}

function undoIssues({ onFailure }: Pacing, { kinds, patchType }: Beside): ConfigIssue[] {
  if (onFailure !== 'undo') return [];
  const path = 'pacing.onFailure';
  const issues = kinds
    .filter((each) => !canUndo(each))
    .map(({ kind }) => ({ path, message: `"undo" needs earlier templates, which no ${kind} keeps; use stop` }));
  if (patchType !== 'apply') return issues;
  return [
    ...issues,
    { path, message: '"undo" cannot take back what server-side apply owns; use stop, or patchType: merge' },
  ];
}

function kindIssues(pacing: Pacing, kinds: readonly KindRef[]): ConfigIssue[] {
  return kinds.some((each) => knownKind(each)?.kind === 'CronJob') ? cronJobIssues(pacing) : [];
}

function cronJobIssues({ concurrency, waves, progress, progressDeadlineSeconds, onFailure }: Pacing): ConfigIssue[] {
  const because = 'a CronJob has no rollout to wait for';
  const waits = { concurrency, progressDeadlineSeconds, onFailure: onFailure === 'stop' ? onFailure : undefined };
  const issues = Object.entries(waits)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => ({ path: `pacing.${name}`, message: `${because}; remove it` }));
  if (waves === undefined || progress === 'time') return issues;
  return [...issues, { path: 'pacing.progress', message: `${because}; write progress: time and waveIntervalSeconds` }];
}
