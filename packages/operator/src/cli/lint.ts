import { Command } from 'commander';
import { checkRules } from '../rule-files/check-rules.js';
import type { Finding } from '../rule-files/manifests.js';
import { pathsWithoutRules, STDIN } from '../rule-files/read-files.js';
import { EXIT, Finished } from './exit-codes.js';
import { coloured, type Output, outputOption, printAs } from './output.js';
import { allChosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';
import { contentsOf, type RuleFileOptions, withRuleFiles } from './rule-file-options.js';

interface LintOptions extends RuleFileOptions, PluginOptions {
  readonly output: Output;
}

/** `kube-trigger lint FILE…`: what the operator would say about these rules, without a cluster and without executing anything. */
export function lintCommand(): Command {
  return withPluginOptions(withRuleFiles(new Command('lint'), '<file...>'))
    .description('Check TriggerRules in files, without a cluster.')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Objects of other kinds are passed over, so the output of Helm and Kustomize can be piped in.
Exit codes: 0 nothing is wrong, 1 something is or there is no TriggerRule at all, 2 a file cannot be read or the usage is wrong.

Examples:
  kube-trigger lint rules/*.yaml
  helm template ./chart | kube-trigger lint -
  kubectl kustomize . | kube-trigger lint -`,
    )
    .action(lint);
}

async function lint(paths: readonly string[], options: LintOptions): Promise<void> {
  const files = await contentsOf(paths);
  const { findings } = checkRules(files, {
    registry: await allChosenPlugins(options),
    namespace: options.namespace,
  });
  const checked = files.flatMap((file) => file.rules).length;
  const empty = pathsWithoutRules(paths, files);
  for (const path of empty) process.stderr.write(`there is no TriggerRule in ${path === '-' ? STDIN : path}\n`);
  printAs(options.output, { rules: checked, findings }, () => {
    for (const finding of findings) process.stdout.write(`${inWords(finding)}\n`);
    process.stderr.write(`${counted(checked, 'rule')}${verdictOn(checked, findings)}\n`);
  });
  // Who checks nothing, as with a folder that was misspelt, must not take it for checked.
  if (findings.length > 0 || checked === 0) throw new Finished(EXIT.failed);
}

function verdictOn(checked: number, findings: readonly Finding[]): string {
  if (findings.length > 0) return `, ${counted(findings.length, 'finding')}`;
  return checked === 0 ? '' : ', all fine';
}

/** `file:line:column: rule: path: message`, which editors and CI systems make links of. */
function inWords({ file, line, column, rule, path, message }: Finding): string {
  const about = [rule, path].filter((part) => part !== undefined && part !== '').map((part) => `${part}: `);
  return `${coloured('bold', `${file}:${line}:${column}`)}: ${about.join('')}${message}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
