import { isTriggerError } from '@kube-trigger/core';
import { Command, CommanderError } from 'commander';
import { completionCommands } from './completion.js';
import { withConfigFile } from './config-file.js';
import { crdCommand } from './crd.js';
import { devCommand } from './dev.js';
import { evalCommand } from './eval.js';
import { EXIT, Finished, UsageError } from './exit-codes.js';
import { explainCommand } from './explain.js';
import { fireCommand } from './fire.js';
import { historyCommand } from './history.js';
import { lintCommand } from './lint.js';
import { pluginsCommand } from './plugins.js';
import { policyCommand } from './policy.js';
import { rbacCommand } from './rbac.js';
import { retryCommand } from './retry.js';
import { runCommand } from './run.js';
import { schemaCommand } from './schema.js';
import { suspendCommands } from './suspend.js';
import { topCommand } from './top.js';
import { VERSION } from '../version.js';

/** All commands. Their reference page is made from this (test/unit/reference.test.ts). */
export function makeProgram(): Command {
  const program = new Command('kube-trigger')
    .description('When a ConfigMap, a Secret or the clock changes, do something about it.')
    .version(VERSION)
    .showHelpAfterError()
    .showSuggestionAfterError()
    .addCommand(runCommand())
    .addCommand(devCommand())
    .addCommand(lintCommand())
    .addCommand(evalCommand())
    .addCommand(crdCommand())
    .addCommand(rbacCommand())
    .addCommand(policyCommand())
    .addCommand(schemaCommand())
    .addCommand(pluginsCommand())
    .addCommand(explainCommand())
    .addCommand(historyCommand())
    .addCommand(topCommand())
    .addCommand(fireCommand())
    .addCommand(retryCommand());
  for (const command of suspendCommands()) program.addCommand(command);
  const [completion, complete] = completionCommands(() => program);
  program.addCommand(completion).addCommand(complete, { hidden: true });
  return program;
}

export async function runCli(args: readonly string[]): Promise<number> {
  const program = makeProgram();
  for (const command of withSubcommands(program)) command.exitOverride();
  try {
    await program.parseAsync(withConfigFile(args, program), { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (thrown instanceof Finished) return thrown.exitCode;
    process.stderr.write(`kube-trigger: ${inWords(thrown)}\n`);
    return thrown instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

function inWords(thrown: unknown): string {
  if (isTriggerError(thrown)) return thrown.explanation;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** A command and all below it. */
export function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
