import { Command, CommanderError } from 'commander';
import { annotateCommands } from './annotate.js';
import { withConfigFile } from './config-file.js';
import { crdCommand } from './crd.js';
import { EXIT, Finished, UsageError } from './exit-codes.js';
import { lintCommand } from './lint.js';
import { rbacCommand } from './rbac.js';
import { runCommand } from './run.js';
import { VERSION } from '../version.js';

export async function runCli(args: readonly string[]): Promise<number> {
  const program = new Command('kube-trigger')
    .description('When a ConfigMap, a Secret or the clock changes, do something about it.')
    .version(VERSION)
    .showHelpAfterError()
    .showSuggestionAfterError()
    .addCommand(runCommand())
    .addCommand(lintCommand())
    .addCommand(crdCommand())
    .addCommand(rbacCommand());
  for (const command of annotateCommands()) program.addCommand(command);
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync(withConfigFile(args, program), { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (thrown instanceof Finished) return thrown.exitCode;
    process.stderr.write(`kube-trigger: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    return thrown instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}
