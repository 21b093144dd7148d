import { parseAllDocuments } from 'yaml';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../src/cli/cli.js';
import { VERSION } from '../../src/version.js';
import { PluginFolder, pluginSource } from '../support/plugin-folder.js';

const out: string[] = [];
const err: string[] = [];

async function cli(...args: string[]): Promise<number> {
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0);
  return runCli(args);
}

afterEach(() => {
  vi.restoreAllMocks();
  out.length = 0;
  err.length = 0;
});

describe('kube-trigger', () => {
  it('prints definitions that are whole YAML documents', async () => {
    expect(await cli('crd')).toBe(0);
    const documents = parseAllDocuments(out.join(''));
    expect(documents.flatMap((document) => document.errors)).toEqual([]);
    expect(
      documents
        .map((document) => document.toJS() as { metadata: { name: string } })
        .map(({ metadata }) => metadata.name),
    ).toEqual(['triggerrules.app.example.com', 'triggercheckpoints.app.example.com']);
  });

  it('prints definitions that a reader of YAML 1.1, such as kubectl, reads the same', async () => {
    expect(await cli('crd')).toBe(0);
    const text = out.join('');
    const [one, two] = (['1.1', '1.2'] as const).map((version) =>
      parseAllDocuments(text, { version }).map((document) => document.toJS() as unknown),
    );
    expect(one).toEqual(two);
    expect(text).toMatch(/^ *"on":$/m);
  });

  it('prints its version', async () => {
    expect(await cli('--version')).toBe(0);
    expect(out.join('').trim()).toBe(VERSION);
  });

  it.each([
    [['rnu'], /unknown command 'rnu'[^]*Did you mean run/],
    [['run', '--kubecnfig', 'x'], /unknown option '--kubecnfig'[^]*Did you mean --kubeconfig/],
    [['run', '--health-port', 'eighty'], /--health-port.*eighty.*It must be a port/],
    [['run', '--drain-seconds', '-1'], /--drain-seconds/],
    [['run', '--log-level', 'loud'], /--log-level.*loud.*trace, debug/],
    [['crd', '--disabled-plugin', 'exce'], /--disabled-plugin exce: there is no such plugin; installed: .*webhook/],
    [['retry'], /missing required argument 'rule'/],
  ])('answers wrong usage %j with exit code 2 and what is wrong', async (args, message) => {
    expect(await cli(...args)).toBe(2);
    expect(err.join('')).toMatch(message);
  });

  describe('with --config', () => {
    const source = `export default ${pluginSource()}`;

    it('takes plugins from the file, next to those of the command line', async () => {
      using folder = new PluginFolder();
      folder.install('chat', source);
      const file = folder.write('config.yaml', `plugins: [chat]\npluginsDir: ${folder.path}\nhealthPort: 9090\n`);
      expect(await cli('crd', '--config', file)).toBe(0);
      expect(out.join('')).toContain('Says something in a chat.');
      expect(await cli('crd', `--config=${file}`, '--plugin', './nowhere')).toBe(1);
      expect(err.join('')).toMatch(/plugin \.\/nowhere was refused: there is no .*nowhere/);
    });

    it('takes them for a command below another one, too', async () => {
      using folder = new PluginFolder();
      folder.install('chat', source);
      const file = folder.write('config.yaml', `plugins: [chat]\npluginsDir: ${folder.path}\n`);
      expect(await cli('plugins', 'list', '--config', file)).toBe(0);
      expect(out.join('')).toContain('Says something in a chat.');
      out.length = 0;
      expect(await cli('plugins', 'describe', 'chat', `--config=${file}`)).toBe(0);
      expect(out.join('')).toContain('Says something in a chat.');
      expect(await cli('plugins', 'list', '--config', '/does/not/exist')).toBe(1);
      expect(err.join('')).toMatch(/--config \/does\/not\/exist: ENOENT/);
    });

    it.each([
      ['helthPort: 80', /config\.yaml: there is no option "helthPort"; did you mean "healthPort"\?/],
      ['plugin: [chat]', /no option "plugin"; did you mean "plugins"/],
      ['plugins: chat', /config\.yaml: plugins must be a list/],
      ['leaderElect: "no"', /leaderElect must be true or false/],
      ['drainSeconds: [1]', /drainSeconds must be a text or a number/],
      ['- chat', /not a map of options/],
      ['plugins: [', /config\.yaml/],
    ])('refuses %j', async (text, message) => {
      using folder = new PluginFolder();
      const file = folder.write('config.yaml', text);
      expect(await cli('run', '--config', file)).toBe(1);
      expect(err.join('')).toMatch(message);
    });

    it('checks its values as those of the command line', async () => {
      using folder = new PluginFolder();
      const file = folder.write('config.yaml', 'healthPort: eighty');
      expect(await cli('run', '--config', file)).toBe(2);
      expect(err.join('')).toMatch(/--health-port.*eighty.*It must be a port/);
    });

    it('says that the file cannot be read, or is missing', async () => {
      expect(await cli('run', '--config', '/does/not/exist')).toBe(1);
      expect(err.join('')).toMatch(/--config \/does\/not\/exist: ENOENT/);
      expect(await cli('run', '--config')).toBe(2);
    });
  });

  describe('lint', () => {
    const rule = `apiVersion: app.example.com/v1alpha1
kind: TriggerRule
metadata: { name: web }
spec:
  sources: [{ configMap: { name: cm } }]
  actions: [{ updatePodTemplate: { objectRef: { kind: Deployment, name: web } } }]
`;
    const other = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: cm }\n';

    it('of a folder without any TriggerRule says so and ends with exit code 1', async () => {
      using folder = new PluginFolder();
      folder.write('cm.yaml', other);
      expect(await cli('lint', folder.path)).toBe(1);
      expect(err.join('')).toBe(`there is no TriggerRule in ${folder.path}\n0 rules\n`);
      expect(await cli('lint', folder.path, '-o', 'json')).toBe(1);
      expect(JSON.parse(out.join(''))).toEqual({ rules: 0, findings: [] });
    });

    it('tells of a path without one, and is content when another path has rules', async () => {
      using folder = new PluginFolder();
      const file = folder.write('cm.yaml', other);
      expect(await cli('lint', folder.write('rule.yaml', rule), file)).toBe(0);
      expect(err.join('')).toBe(`there is no TriggerRule in ${file}\n1 rule, all fine\n`);
    });

    it('with nothing to find but findings does not say that there is no rule', async () => {
      using folder = new PluginFolder();
      expect(await cli('lint', folder.write('rule.yaml', rule.replace('name: web', 'nam: web')))).toBe(1);
      expect(err.join('')).toBe('0 rules, 1 finding\n');
    });
  });

  it('says which kubeconfig it could not read', async () => {
    expect(await cli('retry', 'web', '--kubeconfig', '/does/not/exist')).toBe(1);
    expect(err.join('')).toMatch(/\/does\/not\/exist/);
  });
});
