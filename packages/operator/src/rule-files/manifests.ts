import { nearest, NamespaceName, ObjectName, type RuleIssue, validateConfig } from '@kube-trigger/core';
import { Type } from 'typebox';
import { API_GROUP, API_GROUP_VERSION, TRIGGER_RULE } from '../api/resources.js';
import { type Position, readYaml, type YamlDocument } from './yaml-text.js';

/** One TriggerRule of a file, as it would be sent to an API server. */
export interface RuleManifest extends Position {
  readonly file: string;
  /** Undefined: whichever namespace it is applied to. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: unknown;
  /** Of a field of the rule, e.g. `spec.sources[0].configMap`. */
  positionOf(path: string): Position;
}

/** One thing that is wrong, and where. */
export interface Finding extends Position {
  readonly file: string;
  /** `namespace/name`, as far as it is known. */
  readonly rule?: string;
  /** Empty when it is not about a field. */
  readonly path: string;
  readonly message: string;
}

export interface FileContent {
  readonly rules: readonly RuleManifest[];
  readonly findings: readonly Finding[];
}

/** The TriggerRules of a text, those in Lists included. Objects of other kinds are none of our business. */
export function readManifests(text: string, file: string): FileContent {
  const contents = readYaml(text).map((document) => readDocument(document, file));
  const helm = /^\s*(- )?\{\{-? /m.test(text);
  return {
    rules: contents.flatMap(({ rules }) => rules),
    findings: contents.flatMap(({ findings }) => (helm ? findings.map(hintAtHelm) : findings)),
  };
}

function hintAtHelm(finding: Finding): Finding {
  if (finding.path !== '') return finding;
  const message = `${finding.message}; this looks like a template: render it first (helm template … | kube-trigger lint -)`;
  return { ...finding, message };
}

function readDocument(document: YamlDocument, file: string): FileContent {
  const { value, problems } = document;
  if (problems.length > 0) return { rules: [], findings: problems.map((problem) => ({ file, path: '', ...problem })) };
  if (value === null || value === undefined) return { rules: [], findings: [] };
  return readObject({ value, at: '' }, document, file);
}

interface Part {
  readonly value: unknown;
  /** Where it stands in its document: empty, or `items[0].`. */
  readonly at: string;
}

function readObject({ value, at }: Part, document: YamlDocument, file: string): FileContent {
  const finding = (path: string, message: string): Finding => {
    return { file, path, message, ...document.positionOf(`${at}${path}`) };
  };
  const wrong = (path: string, message: string): FileContent => ({ rules: [], findings: [finding(path, message)] });
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong('', 'is not a Kubernetes object: it is no map');
  const object = value as Readonly<Record<string, unknown>>;
  const { apiVersion, kind } = object;
  if (kind === undefined && apiVersion === undefined)
    return wrong('', 'is not a Kubernetes object: it has no apiVersion and kind');
  if (isList(object)) return readList(object, { value, at }, (part) => readObject(part, document, file));
  const other = otherKind(apiVersion, kind);
  if (other === 'ignored') return { rules: [], findings: [] };
  if (other !== undefined) return wrong(other.path, other.message);
  return readRule(object, {
    file,
    finding,
    positionOf: (path) => document.positionOf(`${at}${path}`),
  });
}

function isList({ kind, items }: Readonly<Record<string, unknown>>): boolean {
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items);
}

function readList(
  { items }: Readonly<Record<string, unknown>>,
  { at }: Part,
  read: (part: Part) => FileContent,
): FileContent {
  const contents = (items as readonly unknown[]).map((value, i) => read({ value, at: `${at}items[${i}].` }));
  return { rules: contents.flatMap(({ rules }) => rules), findings: contents.flatMap(({ findings }) => findings) };
}

/** Undefined for a TriggerRule of this version. */
function otherKind(apiVersion: unknown, kind: unknown): RuleIssue | 'ignored' | undefined {
  const group = typeof apiVersion === 'string' ? apiVersion.split('/')[0] : undefined;
  if (kind === TRIGGER_RULE.kind && apiVersion !== API_GROUP_VERSION) {
    // Another group may have a kind of that name; a misspelt group of ours cannot be told from it, a wrong version can.
    if (group !== API_GROUP && nearest(group ?? '', [API_GROUP]) === undefined) return 'ignored';
    return { path: 'apiVersion', message: `${JSON.stringify(apiVersion) ?? 'nothing'} is not ${API_GROUP_VERSION}` };
  }
  if (group !== API_GROUP) return 'ignored';
  if (kind === TRIGGER_RULE.kind) return undefined;
  const close = typeof kind === 'string' && nearest(kind, [TRIGGER_RULE.kind]) !== undefined;
  return close ? { path: 'kind', message: `"${kind}" is not known; did you mean "${TRIGGER_RULE.kind}"?` } : 'ignored';
}

interface Place {
  readonly file: string;
  finding(path: string, message: string): Finding;
  positionOf(path: string): Position;
}

/** What every object has; a rule without a name cannot be told from others. */
const Metadata = Type.Object({
  name: Type.Optional(ObjectName()),
  generateName: Type.Optional(Type.String({ minLength: 1 })),
  namespace: Type.Optional(NamespaceName()),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
});
const FIELDS = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

function readRule(object: Readonly<Record<string, unknown>>, place: Place): FileContent {
  const unknown = Object.keys(object).filter((field) => !FIELDS.includes(field));
  const findings = unknown.map((field) => {
    const close = nearest(field, FIELDS);
    const hint = close === undefined ? `known fields: ${FIELDS.join(', ')}` : `did you mean "${close}"?`;
    return place.finding(field, `is not a known field; ${hint}`);
  });
  const metadata = validateConfig(Metadata, object['metadata'], 'metadata');
  if (metadata.issues !== undefined) {
    for (const { path, message } of metadata.issues) findings.push(place.finding(path, message));
    return { rules: [], findings };
  }
  const { name, generateName, namespace, annotations = {} } = metadata.value;
  if (name === undefined && generateName === undefined) {
    findings.push(place.finding('metadata.name', 'is required'));
    return { rules: [], findings };
  }
  const rule: RuleManifest = {
    file: place.file,
    namespace,
    name: name ?? `${generateName}…`,
    annotations,
    spec: object['spec'],
    positionOf: (path) => place.positionOf(path),
    ...place.positionOf('metadata.name'),
  };
  return { rules: [rule], findings: findings.map((found) => ({ ...found, rule: titleOf(rule) })) };
}

/** `namespace/name`, or the name alone when the file does not say the namespace. */
export function titleOf({ namespace, name }: Pick<RuleManifest, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
