import { script } from '@bomb.sh/tab';
import { Argument, Command, type Option } from 'commander';
import { TRIGGER_RULE } from '../api/resources.js';
import { bundledRegistry } from '../plugins/bundled.js';
import { onCluster, type RuleCommandOptions } from './rule-command.js';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** What a shell may do with the candidates: the convention of Cobra, which kubectl's plugins follow as well. */
const FILES = 0;
const NO_FILES = 4;

/** A shell waits for the answer: a cluster that is slower than this is not asked further. */
const CLUSTER_MS = 1_500;

interface Candidate {
  readonly value: string;
  readonly about: string;
}

interface Completion {
  readonly candidates: readonly Candidate[];
  readonly files?: boolean;
}

const NOTHING: Completion = { candidates: [] };

/** `kube-trigger completion SHELL`, and the hidden `complete -- WORDS…` that its scripts ask at each press of the key. */
export function completionCommands(program: () => Command): readonly [Command, Command] {
  const completion = new Command('completion')
    .description("Print a shell's script that completes commands, options and names of rules.")
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  source <(kube-trigger completion bash)      # in ~/.bashrc; needs the package bash-completion
  source <(kube-trigger completion zsh)       # in ~/.zshrc, after compinit
  kube-trigger completion fish > ~/.config/fish/completions/kube-trigger.fish
For \`kubectl trigger\`, put an executable kubectl_complete-trigger on the PATH:
  exec kube-trigger complete -- "$@"`,
    )
    .action((shell: string) => script(shell, 'kube-trigger', 'kube-trigger'));
  const complete = new Command('complete')
    .description('Answer a completion script.')
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const { candidates, files = false } = await completionOf(program(), words);
      const fitting = candidates.filter(({ value }) => value.startsWith(words.at(-1) ?? ''));
      const lines = fitting.map(({ value, about }) => `${value}\t${about}\n`);
      process.stdout.write(`${lines.join('')}:${files ? FILES : NO_FILES}\n`);
    });
  return [completion, complete];
}

/** What may stand where the last word is, whatever was typed of it. */
async function completionOf(program: Command, words: readonly string[]): Promise<Completion> {
  const { command, before, options } = read(program, words.slice(0, -1));
  const last = words.at(-1) ?? '';
  const previous = optionOf(command, words.at(-2));
  if (previous !== undefined && takesValue(previous)) return valuesOf(previous);
  if (last.startsWith('-')) return { candidates: command.createHelp().visibleOptions(command).flatMap(flagsOf) };
  if (command.commands.length > 0) {
    const visible = command.createHelp().visibleCommands(command);
    return { candidates: visible.map((each) => ({ value: each.name(), about: each.summary() || each.description() })) };
  }
  const { registeredArguments } = command;
  const argument = registeredArguments[before] ?? registeredArguments.findLast((each) => each.variadic);
  return argument === undefined ? NOTHING : argumentOf(argument, command, options);
}

/** The command that the words lead to, how many arguments of it there are, and options that say which cluster. */
function read(program: Command, words: readonly string[]) {
  let command = program;
  let before = 0;
  const options: Record<string, string> = {};
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const option = optionOf(command, word);
    if (option !== undefined && takesValue(option)) {
      at += 1;
      options[option.attributeName()] = words[at] ?? '';
    } else if (!word.startsWith('-')) {
      const next = command.commands.find((each) => each.name() === word);
      if (next === undefined) before += 1;
      command = next ?? command;
    }
  }
  return { command, before, options: options as RuleCommandOptions };
}

function optionOf({ options }: Command, word: string | undefined): Option | undefined {
  return options.find(({ long, short }) => word !== undefined && (word === long || word === short));
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function flagsOf({ long, description }: Option): Candidate[] {
  return long === undefined || long === null ? [] : [{ value: long, about: description }];
}

function valuesOf({ argChoices, flags }: Option): Completion {
  if (argChoices !== undefined) return choices(argChoices);
  return { candidates: [], files: /<(file|path|folder|package)>/.test(flags) };
}

async function argumentOf(argument: Argument, command: Command, options: RuleCommandOptions): Promise<Completion> {
  if (argument.argChoices !== undefined) return choices(argument.argChoices);
  if (argument.name() === 'file') return { candidates: [], files: true };
  if (argument.name() === 'rule') return choices(await ruleNames(options));
  return command.name() === 'describe'
    ? choices(
        bundledRegistry()
          .all()
          .map(({ name }) => name),
      )
    : NOTHING;
}

function choices(values: readonly string[]): Completion {
  return { candidates: values.map((value) => ({ value, about: '' })) };
}

/** None where the cluster cannot be asked: a shell is no place for an error. */
async function ruleNames(options: RuleCommandOptions): Promise<string[]> {
  try {
    return await onCluster(options, async (kube, namespace) => {
      const signal = AbortSignal.timeout(CLUSTER_MS);
      const rules = await kube.list(TRIGGER_RULE, { namespace, as: 'metadata', signal });
      return rules.map(({ metadata }) => metadata.name ?? '');
    });
  } catch {
    return [];
  }
}
