import { describe, expect, it } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { checkRules } from '../../src/rule-files/check-rules.js';
import { type Finding, readManifests } from '../../src/rule-files/manifests.js';

const registry = bundledRegistry();

function check(...texts: readonly string[]) {
  const files = texts.map((text, i) => readManifests(text, `${'abc'[i]}.yaml`));
  return checkRules(files, { registry, namespace: 'default' });
}

/** `line:column path: message`. */
function found(...texts: readonly string[]): string[] {
  return check(...texts).findings.map(inShort);
}

function inShort({ file, line, column, path, message }: Finding): string {
  return `${file}:${line}:${column} ${path}: ${message}`;
}

const HEAD = 'apiVersion: app.example.com/v1alpha1\nkind: TriggerRule\n';
const NAMED = `${HEAD}metadata: { name: web }\n`;
const ROLL = '    - updatePodTemplate: { objectRef: { kind: Deployment, name: web } }\n';
const GOOD = `${NAMED}spec:\n  sources:\n    - configMap: { name: cm }\n  actions:\n${ROLL}`;

describe('a finding', () => {
  it('stands at the key or item that it is about', () => {
    const text = `${NAMED}spec:
  sources:
    - configMap:
        nam: cm
        selector:
          matchExpressions:
            - key: app
              operator: is
    - name: b
      timer: {every: 1h, missed: some}
  actions:
${ROLL}`;
    expect(found(text)).toEqual([
      'a.yaml:7:9 spec.sources[0].configMap.nam: is not a known field; did you mean "name"?',
      expect.stringMatching(
        /^a\.yaml:11:15 spec\.sources\[0\]\.configMap\.selector\.matchExpressions\[0\]\.operator: "is" is not/,
      ),
      expect.stringMatching(/^a\.yaml:13:26 spec\.sources\[1\]\.timer\.missed: "some" is not one of/),
    ]);
  });

  it('about a field that is missing stands at what should have it', () => {
    expect(found(`${NAMED}spec:\n  sources:\n    - configMap: {}\n`)).toEqual(['a.yaml:4:1 spec.actions: is required']);
    expect(found(NAMED)).toEqual(['a.yaml:1:1 spec.sources: is required', 'a.yaml:1:1 spec.actions: is required']);
  });

  it('is found under keys with dots in them', () => {
    const text = `${NAMED}spec:
  sources:
    - configMap:
        selector:
          matchLabels:
            app.kubernetes.io/name: 5
  actions:\n${ROLL}`;
    expect(found(text)).toEqual([
      expect.stringMatching(
        /^a\.yaml:9:13 spec\.sources\[0\]\.configMap\.selector\.matchLabels\.app\.kubernetes\.io\/name: 5 must be string/,
      ),
    ]);
  });

  it('keeps its place with CRLF, a BOM, tabs in comments and JSON', () => {
    const wrong = GOOD.replace('{ name: cm }', '{ nam: cm }');
    const at = 'spec.sources[0].configMap.nam: is not a known field; did you mean "name"?';
    expect(found(wrong.replaceAll('\n', '\r\n'))).toEqual([`a.yaml:6:20 ${at}`]);
    expect(found(`\uFEFF${wrong}`)).toEqual([`a.yaml:6:20 ${at}`]);
    expect(found(`#\tcomment\n${wrong}`)).toEqual([`a.yaml:7:20 ${at}`]);
    const json = { apiVersion: 'app.example.com/v1alpha1', kind: 'TriggerRule', metadata: { name: 'a' } };
    expect(found(JSON.stringify({ ...json, spec: { sources: [{ configMap: {} }] } }))[0]).toMatch(
      /^a\.yaml:1:\d+ spec\.actions/,
    );
  });

  it('under an alias or a merge key stands where the text is', () => {
    const text = `${NAMED}spec:
  sources:
    - configMap: &cm
        nam: cm
    - configMap:
        <<: *cm
        namespace: other
  actions:\n${ROLL}`;
    expect(found(text)).toEqual([
      'a.yaml:7:9 spec.sources[0].configMap.nam: is not a known field; did you mean "name"?',
      'a.yaml:7:9 spec.sources[1].configMap.nam: is not a known field; did you mean "name"?',
    ]);
  });
});

describe('text is read as kubectl reads it', () => {
  it.each([
    ['an unquoted on', '{ name: cm, on: [deleted] }', []],
    ['a quoted on', '{ name: cm, "on": [deleted] }', []],
    [
      'a wrong value under an unquoted on',
      '{ name: cm, on: [deletd] }',
      ['a.yaml:6:35 spec.sources[0].configMap.on[0]: "deletd" is not one of created, updated, deleted'],
    ],
    [
      'a name that is a boolean in YAML 1.1',
      '{ name: no }',
      ['a.yaml:6:20 spec.sources[0].configMap.name: false must be string'],
    ],
    ['a name that looks like a date', '{ name: 2026-01-01 }', []],
    [
      'a name that looks like a sexagesimal number',
      '{ name: "1", selector: }',
      expect.arrayContaining([expect.stringContaining('selector: has no value')]),
    ],
  ])('%s', (_, config, expected) => {
    expect(found(GOOD.replace('{ name: cm }', config))).toEqual(expected);
  });

  it('with the same verdict on suspend: yes and "yes"', () => {
    expect(found(GOOD.replace('spec:\n', 'spec:\n  suspend: yes\n'))).toEqual([]);
    expect(found(GOOD.replace('spec:\n', 'spec:\n  suspend: "yes"\n'))).toEqual([
      'a.yaml:5:3 spec.suspend: "yes" must be boolean',
    ]);
  });
});

describe('null', () => {
  it('is a finding, since an API server drops it without a word', () => {
    expect(found(GOOD.replace('{ name: cm }', '{ name: }'))).toEqual([
      expect.stringMatching(/^a\.yaml:6:20 spec\.sources\[0\]\.configMap\.name: has no value \(null\)/),
    ]);
    expect(found(GOOD.replace('configMap: { name: cm }', 'configMap:'))).toEqual([
      expect.stringMatching(/^a\.yaml:6:7 spec\.sources\[0\]\.configMap: has no value \(null\).*\{\} for all defaults/),
    ]);
  });
});

describe('files', () => {
  const other = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: cm }\n';

  it('may hold many documents, of other kinds and empty ones too', () => {
    const text = `# head\n---\n${other}---\n---\n${GOOD}---\nnull\n---\n${GOOD.replace('name: web', 'name: two').replace('cm }', 'cm, x: 1 }')}`;
    const { rules, findings } = check(text);
    expect(rules.map(({ manifest }) => manifest.name)).toEqual(['web']);
    expect(findings).toMatchObject([{ line: 24, rule: 'two', path: 'spec.sources[0].configMap.x' }]);
  });

  it('may hold Lists', () => {
    const indented = GOOD.replaceAll('\n', '\n    ').replace('cm }', 'cm, x: 1 }');
    const text = `apiVersion: v1\nkind: List\nitems:\n  - ${indented}\n`;
    expect(check(text).findings).toMatchObject([
      { line: 9, column: 34, rule: 'web', path: 'spec.sources[0].configMap.x' },
    ]);
    const typed = text.replace(
      'apiVersion: v1\nkind: List',
      'apiVersion: app.example.com/v1alpha1\nkind: TriggerRuleList',
    );
    expect(check(typed).findings).toHaveLength(1);
  });

  it('are all read when one document is broken', () => {
    const last = GOOD.replace('cm }', 'cm, x: 1 }');
    expect(found(`a: b: c\n---\n${last}`)).toEqual([
      expect.stringMatching(/^a\.yaml:1:4 : Nested mappings are not allowed/),
      expect.stringMatching(/^a\.yaml:8:30 spec\.sources\[0\]\.configMap\.x: is not a known field/),
    ]);
    expect(found('a: 1\na: 2\n')).toEqual(['a.yaml:2:1 : Map keys must be unique']);
  });

  it.each([
    ['text', 'hello\n', 'is not a Kubernetes object: it is no map'],
    ['values of a chart', 'replicas: 3\n', 'is not a Kubernetes object: it has no apiVersion and kind'],
  ])('that hold %s are refused', (_, text, message) => {
    expect(found(text)).toEqual([`a.yaml:1:1 : ${message}`]);
  });

  it('that are templates get a hint', () => {
    expect(found('{{- if .Values.on }}\na: {{ b }}\n')[0]).toMatch(
      /render it first \(helm template … \| kube-trigger lint -\)$/,
    );
  });

  it('cannot make it grow by aliases', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...'bcdefgh'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array.from({ length: 10 }, () => `*${'abcdefg'[i]}`).join(', ')}]`),
    ].join('\n');
    expect(found(bomb)).toEqual([expect.stringMatching(/^a\.yaml:1:1 : Excessive alias count/)]);
  });
});

describe('the rule itself', () => {
  it.each([
    [
      'a version that there is not',
      GOOD.replace('v1alpha1', 'v1'),
      'a.yaml:1:1 apiVersion: "app.example.com/v1" is not app.example.com/v1alpha1',
    ],
    [
      'a misspelt kind',
      GOOD.replace('TriggerRule', 'TrigerRule'),
      'a.yaml:2:1 kind: "TrigerRule" is not known; did you mean "TriggerRule"?',
    ],
    [
      'a misspelt field beside spec',
      GOOD.replace('spec:', 'specs: {}\nspec:'),
      'a.yaml:4:1 specs: is not a known field; did you mean "spec"?',
    ],
    ['no name', GOOD.replace('{ name: web }', '{}'), 'a.yaml:3:1 metadata.name: is required'],
    [
      'a name that is a number',
      GOOD.replace('{ name: web }', '{ name: 5 }'),
      'a.yaml:3:13 metadata.name: 5 must be string',
    ],
    [
      'a label that is a number',
      GOOD.replace('{ name: web }', '{ name: web, labels: { a: 5 } }'),
      'a.yaml:3:34 metadata.labels.a: 5 must be string',
    ],
  ])('with %s is refused', (_, text, expected) => {
    expect(found(text)).toEqual([expected]);
  });

  it('of another group is none of ours', () => {
    expect(found(GOOD.replace('app.example.com/v1alpha1', 'rules.example.org/v1'))).toEqual([]);
  });

  it('may have a generated name', () => {
    expect(found(GOOD.replace('{ name: web }', '{ generateName: web- }'))).toEqual([]);
  });

  it('whose name another one has is told where that is', () => {
    const elsewhere = GOOD.replace('name: web', 'name: web, namespace: other');
    expect(found(GOOD, elsewhere, `---\n${GOOD}`)).toEqual([
      'c.yaml:4:13 metadata.name: "web" is the name of the rule in a.yaml:3 already; of two, the one applied last counts',
    ]);
  });
});
