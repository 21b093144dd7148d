import { type Command, InvalidArgumentError } from 'commander';
import { readRuleFiles } from '../rule-files/read-files.js';
import type { FileContent } from '../rule-files/manifests.js';
import { UsageError } from './exit-codes.js';

export interface RuleFileOptions {
  readonly namespace: string;
}

/** `FILE…` and the namespace of rules that name none. */
export function withRuleFiles(command: Command, files: '<file...>' | '[file...]'): Command {
  return command
    .argument(files, 'files or folders with TriggerRules in YAML or JSON; - is standard input')
    .option('-n, --namespace <name>', 'of rules that name none', 'default');
}

/** A file that cannot be read is wrong usage, not a finding. */
export async function contentsOf(paths: readonly string[]): Promise<FileContent[]> {
  if (paths.filter((path) => path === '-').length > 1) throw new UsageError('standard input (-) can be read once only');
  try {
    return await readRuleFiles(paths);
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
  }
}

/** For options that may be repeated. */
export function collected(value: string, before: readonly string[]): string[] {
  if (value === '') throw new InvalidArgumentError('It must not be empty.');
  return [...before, value];
}
