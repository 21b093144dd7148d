import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Check } from 'typebox/schema';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ruleJsonSchema } from '../../src/api/json-schema.js';
import { makeProgram, withSubcommands } from '../../src/cli/cli.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { BAD_RULES } from '../support/bad-rules.js';

const ROOT = join(import.meta.dirname, '../../../..');
const at = (path: string) => join(ROOT, path);

/** Written by `vitest run packages/operator/test/unit/reference.test.ts -u`. */
describe('the reference', () => {
  it('of the command line is what the commands say of themselves', async () => {
    await expect(cliPage()).toMatchFileSnapshot(at('docs/reference/cli.md'));
  });

  it('for editors is what the plugins take', async () => {
    const schema = `${JSON.stringify(ruleJsonSchema(bundledRegistry()), undefined, 2)}\n`;
    await expect(schema).toMatchFileSnapshot(at('docs/reference/trigger-rule.schema.json'));
  });
});

function isShown(command: Command): boolean {
  return command.parent?.createHelp().visibleCommands(command.parent).includes(command) === true;
}

function cliPage(): string {
  const [program, ...commands] = withSubcommands(makeProgram());
  const sections = commands
    .filter((command) => command.commands.length === 0 && isShown(command))
    .map((command) => {
      const name = command.parent === program ? command.name() : `${command.parent?.name()} ${command.name()}`;
      let help = '';
      command.configureOutput({
        writeOut: (text) => (help += text),
        getOutHelpWidth: () => 110,
        getOutHasColors: () => false,
      });
      command.outputHelp();
      const lines = help.trimEnd().replaceAll(/ +$/gm, '');
      return `## ${name}\n\n\`\`\`text\n${lines}\n\`\`\`\n`;
    });
  return `# Command line

Made from the commands themselves; a test holds both equal.

Exit codes: 0 done, 1 failed or something was found, 2 wrong usage or a file that cannot be read. Colours are left out where \`NO_COLOR\` is set
and in pipes. Installed under the name \`kubectl-trigger\`, it is \`kubectl trigger …\`.

${sections.join('\n')}`;
}

describe('the JSON Schema', () => {
  const schema = ruleJsonSchema(bundledRegistry());
  const fits = (rule: unknown) => Check(schema, rule);
  const rules = readdirSync(at('examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => at(`examples/${name}/rule.yaml`))
    // A program that embeds the operator has its rules in code.
    .filter((path) => existsSync(path))
    .flatMap((path) => parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as unknown))
    .filter((object) => (object as { kind?: string }).kind === 'TriggerRule');

  it('takes every example', () => {
    expect(rules.length).toBeGreaterThan(4);
    expect(rules.filter((rule) => !fits(rule))).toEqual([]);
  });

  it.each([
    'two plugins in a source',
    'a misspelt option of a source',
    'name and selector',
    'a webhook without a target',
    'an unknown kind',
  ])('refuses %s', (what) => {
    const spec = BAD_RULES.find((rule) => rule.what === what)?.spec;
    expect(spec).toBeDefined();
    expect(fits({ apiVersion: 'app.example.com/v1alpha1', kind: 'TriggerRule', metadata: { name: 'a' }, spec })).toBe(
      false,
    );
  });
});
