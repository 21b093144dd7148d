import type { BenchReport, ScenarioResult } from './run.js';
import { type Figure, isReached, type Target } from './scenario.js';

/** One scenario's figures for people, a line each. */
export function resultText({ id, title, tookS, sha256Us, figures, skipped }: ScenarioResult): string {
  if (skipped !== undefined) return `${id}  ${title}\n      not measured: ${skipped}\n`;
  const width = Math.max(...figures.map(({ name }) => name.length));
  const lines = figures.map((figure) => {
    const { name, unit, target } = figure;
    const aim = target === undefined ? '' : `   ${isReached(figure) ? 'reached' : 'MISSED'}: ${targetText(target)}`;
    return `      ${name.padEnd(width)}  ${valueText(figure).padStart(10)} ${unit.padEnd(8)}${aim}`.trimEnd();
  });
  const speed = sha256Us === undefined ? '' : `; a SHA-256 takes ${sha256Us.toFixed(2)} µs`;
  return [`${id}  ${title} (${tookS} s${speed})`, ...lines, ''].join('\n');
}

/** The run as a table of Markdown, for RESULTS.md. */
export function markdownTable({ scenarios }: BenchReport): string {
  const rows = scenarios.flatMap(({ id, figures, skipped }) =>
    figures.length === 0
      ? [`| ${id} | not measured: ${skipped ?? ''} | | | |`]
      : figures.map((figure) => {
          const { name, unit, target } = figure;
          const aim = target === undefined ? ' | ' : `${targetText(target)} | ${isReached(figure) ? 'yes' : '**no**'}`;
          return `| ${id} | ${name} | ${valueText(figure)} ${unit} | ${aim} |`;
        }),
  );
  return ['| | figure | measured | target | reached |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function targetText(target: Target): string {
  return 'atMost' in target ? `≤ ${target.atMost.toLocaleString('en')}` : `≥ ${target.atLeast.toLocaleString('en')}`;
}

function valueText({ value }: Figure): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}
