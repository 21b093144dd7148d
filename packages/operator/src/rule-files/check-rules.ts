import { compileRule, type CompiledRule, type PluginRegistry } from '@kube-trigger/core';
import { type FileContent, type Finding, type RuleManifest, titleOf } from './manifests.js';

export interface CheckedRule {
  readonly manifest: RuleManifest;
  readonly rule: CompiledRule;
  readonly suspend: boolean;
}

export interface CheckOptions {
  readonly registry: PluginRegistry;
  /** Of rules that name none. */
  readonly namespace: string;
}

/**
 * Every rule compiled, or what is wrong with it: in the words of its `Accepted` condition, and further what an API server would drop or
 * refuse without the operator hearing of it (nulls, two rules of one name).
 */
export function checkRules(
  files: readonly FileContent[],
  options: CheckOptions,
): { readonly rules: readonly CheckedRule[]; readonly findings: readonly Finding[] } {
  const manifests = files.flatMap(({ rules }) => rules);
  const findings = [...files.flatMap((file) => file.findings), ...repeats(manifests)];
  const rules: CheckedRule[] = [];
  for (const manifest of manifests) {
    const { namespace = options.namespace, name, spec } = manifest;
    const nulls = nullsIn(spec, 'spec');
    const compilation = compileRule({ namespace, name, uid: '' }, withoutNulls(spec), options.registry);
    const nullIssues = nulls.map((path) => ({ path, message: NULL }));
    const issues = 'issues' in compilation ? compilation.issues : [];
    const others = issues.filter(({ path }) => !nulls.some((at) => at === path || isBelow(at, path)));
    for (const { path, message } of [...nullIssues, ...others]) {
      findings.push({
        file: manifest.file,
        rule: titleOf(manifest),
        path,
        message,
        ...manifest.positionOf(path),
      });
    }
    if (!('issues' in compilation) && nulls.length === 0)
      rules.push({ manifest, rule: compilation.rule, suspend: compilation.suspend });
  }
  return { rules, findings: findings.toSorted(inOrder(files)) };
}

const NULL = 'has no value (null), so the API server drops it; write a value, {} for all defaults, or remove the field';

function repeats(manifests: readonly RuleManifest[]): Finding[] {
  const first = new Map<string, RuleManifest>();
  return manifests.flatMap((manifest) => {
    const title = titleOf(manifest);
    const before = first.get(title);
    if (before === undefined) {
      first.set(title, manifest);
      return [];
    }
    const message = `"${title}" is the name of the rule in ${before.file}:${before.line} already; of two, the one applied last counts`;
    const { file, line, column } = manifest;
    return [{ file, line, column, rule: title, path: 'metadata.name', message }];
  });
}

function nullsIn(value: unknown, path: string): string[] {
  if (value === null) return [path];
  if (Array.isArray(value)) return value.flatMap((item, i) => nullsIn(item, `${path}[${i}]`));
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => nullsIn(inner, `${path}.${name}`));
}

/** As an API server stores it; a null in a list stays. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)]));
}

function isBelow(path: string, parent: string): boolean {
  return path.startsWith(`${parent}.`) || path.startsWith(`${parent}[`);
}

/** By file in the order given, then by place. */
function inOrder(files: readonly FileContent[]): (a: Finding, b: Finding) => number {
  const order = [...new Set(files.flatMap(({ rules, findings }) => [...findings, ...rules].map(({ file }) => file)))];
  return (a, b) => order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line || a.column - b.column;
}
