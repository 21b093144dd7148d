import { type Plugin, type PluginRegistry, RESERVED_KEYS } from '@kube-trigger/core';
import {
  API_GROUP,
  API_VERSION,
  FIRE_ANNOTATION,
  RESUME_ANNOTATION,
  RETRY_ANNOTATION,
  TRIGGER_RULE,
} from './resources.js';

export interface AuthorPolicyOptions {
  /** Of the policy and its binding. */
  readonly name: string;
  /** What the operator was started with as `--default-service-account`. */
  readonly defaultServiceAccount?: string;
  /** What becomes of a rule whose author may not do what it does. */
  readonly action: 'Deny' | 'Warn' | 'Audit';
}

/** Distinct rights that one rule may come to. An evaluation may cost 10,000,000, and the API server counts 350,000 for each question. */
export const MOST_RIGHTS = 24;
/** What the items of a rule may ask for before equal ones are put together. */
export const MOST_ASKED = 96;

const LISTS = ['sources', 'filters', 'actions'] as const;
type List = (typeof LISTS)[number];

/**
 * A ValidatingAdmissionPolicy and its binding (Kubernetes ≥ 1.30): a TriggerRule is admitted where whoever writes it may do by themselves what it
 * does, or may act as the service account that it acts as. Same plugins, same bytes.
 *
 * Plugins say in CEL (`authorRights`) which rights a config comes to. That is put together first, in `variables`; then each right is asked for
 * by a validation of its own, because an expression has room for two questions.
 */
export function authorPolicy(registry: PluginRegistry, options: AuthorPolicyOptions): object[] {
  const { name, action, defaultServiceAccount = '' } = options;
  const known = knownItems(registry.all().filter(canBeAsked));
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [API_GROUP],
            apiVersions: [API_VERSION],
            // Without `/status`: that is the operator's.
            resources: [TRIGGER_RULE.plural],
            operations: ['CREATE', 'UPDATE'],
          },
        ],
      },
      matchConditions: [{ name: 'changes-what-is-done', expression: CHANGES_WHAT_IS_DONE }],
      variables: variables(known, defaultServiceAccount),
      validations: [...SHAPE_VALIDATIONS, ...rightValidations()].map((validation) => ({
        ...validation,
        reason: 'Forbidden',
      })),
    },
  };
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: [action] },
  };
  return [policy, binding];
}

const commands = [FIRE_ANNOTATION, RETRY_ANNOTATION, RESUME_ANNOTATION].map((annotation) => `'${annotation}'`);
const valueIn = (object: string) =>
  `(has(${object}.metadata.annotations) && a in ${object}.metadata.annotations ? ${object}.metadata.annotations[a] : '')`;

/** Labels, finalizers and owners change nothing; asking a rule by an annotation to act does. */
const CHANGES_WHAT_IS_DONE = `request.operation == 'CREATE' || object.spec != oldObject.spec ||
[${commands.join(', ')}].exists(a, ${valueIn('object')} != ${valueIn('oldObject')})
`;

/** A plugin that lets rules choose resources must say by itself which ones. */
function canBeAsked({ rbac, authorRights }: Plugin): boolean {
  return authorRights !== undefined || rbac.every((rule) => rule.chosenByRules !== true);
}

interface KnownItem {
  /** Of the variable with what all of them ask for. */
  readonly name: string;
  readonly list: List;
  /** Whether `item` is this, and where its config is then. */
  readonly test: string;
  readonly config: string;
  readonly rights: string;
}

interface Known {
  readonly items: readonly KnownItem[];
  /** Keys that may stand in an item. */
  readonly keys: Readonly<Record<List, readonly string[]>>;
  /** Whether the `objectRef` of `item` picks a known source. */
  readonly isHandled: string;
}

function knownItems(plugins: readonly Plugin[]): Known {
  const items: KnownItem[] = [];
  const handled: string[] = [];
  const keys: Record<List, string[]> = { sources: ['objectRef'], filters: [], actions: [] };
  for (const list of LISTS) keys[list].push(...Object.keys(RESERVED_KEYS[list]));
  for (const plugin of plugins.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const list = `${plugin.kind}s` as const;
    const rights = rightsOf(plugin);
    keys[list].push(plugin.name);
    const name = `${plugin.kind}_${plugin.name}`;
    if (rights !== '[]')
      items.push({ name, list, test: `has(item.${plugin.name})`, config: `item.${plugin.name}`, rights });
    if (plugin.kind !== 'source' || plugin.handles === undefined) continue;
    const { apiVersion, kind } = plugin.handles;
    const test = `(item.objectRef.kind == '${kind}' && (!has(item.objectRef.apiVersion) || item.objectRef.apiVersion == '${apiVersion}'))`;
    handled.push(test);
    items.push({
      name: `${name}_objectRef`,
      list,
      test: `has(item.objectRef) && ${test}`,
      config: 'item.objectRef',
      rights,
    });
  }
  return { items, keys, isHandled: handled.join(' || ') || 'false' };
}

/** Of a plugin that does not say more: everything that it may ever need, wherever a rule may point it. */
function rightsOf({ rbac, authorRights }: Plugin): string {
  if (authorRights !== undefined) return authorRights;
  const acting = rbac.filter((rule) => rule.inOperatorNamespace !== true);
  const rights = acting.flatMap(({ apiGroups, resources, verbs, resourceNames = [''] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => {
        const [plural = '', subresource = ''] = resource.split('/');
        return verbs.flatMap((verb) =>
          resourceNames.map((name) => `'${[verb, group, plural, subresource, '', name].join('|')}'`),
        );
      }),
    ),
  );
  return `[${[...new Set(rights)].join(', ')}]`;
}

const listed = (list: List) =>
  list === 'filters' ? '(has(variables.spec.filters) ? variables.spec.filters : [])' : `variables.spec.${list}`;
const quoted = (texts: readonly string[]) => `[${texts.map((text) => `'${text}'`).join(', ')}]`;

function variables({ items, keys, isHandled }: Known, defaultAccount: string): object[] {
  const asked = items.map(({ name, list, test, config, rights }) => ({
    name,
    expression: `${listed(list)}.filter(item, ${test}).map(item, ${config}).map(config, (${rights.trim()}).join(' ')).join(' ')\n`,
  }));
  const unknown = LISTS.map((list) => {
    const strange = `!(key in ${quoted(keys[list])})`;
    const isStrange = list === 'sources' ? `${strange} || (key == 'objectRef' && !(${isHandled}))` : strange;
    return `${listed(list)}.map(item, item.filter(key, ${isStrange}).map(key, '"' + key + '"').join(', '))`;
  });
  const texts = `variables.rights.map(right, right.split('|')).map(r, r[0] + ' ' + r[2] + (r[3] == '' ? '' : '/' + r[3])
+ (r[1] == '' ? '' : '.' + r[1]) + (r[5] == '' ? '' : ' "' + r[5] + '"')
+ (r[4] == '' ? ' in all namespaces' : ' in namespace "' + r[4] + '"'))
`;
  return [
    // Without its type, by which fields that the definition does not have could not be looked at.
    { name: 'spec', expression: 'dyn(object.spec)' },
    { name: 'home', expression: 'request.namespace' },
    { name: 'defaultAccount', expression: JSON.stringify(defaultAccount) },
    {
      name: 'account',
      expression:
        'has(variables.spec.serviceAccountName) ? variables.spec.serviceAccountName : variables.defaultAccount',
    },
    { name: 'unknown', expression: `(${unknown.join(' + ')}).filter(keys, keys != '')\n` },
    {
      name: 'everySourceNamespace',
      expression: `variables.spec.sources.map(item, item.filter(key, key != 'name')
.map(key, 'namespace' in item[key] ? item[key].namespace : variables.home).join(' ')).join(' ').split(' ')
`,
    },
    { name: 'sourceNamespaces', expression: distinct('variables.everySourceNamespace') },
    ...asked,
    {
      name: 'asked',
      expression: `(variables.account != '' ? ['impersonate||serviceaccounts||' + variables.home + '|' + variables.account]
: [${asked.map(({ name }) => `variables.${name}`).join(', ')}].join(' ').split(' ')).filter(right, right != '')
`,
    },
    { name: 'unnamed', expression: "variables.asked.map(right, right.substring(0, right.lastIndexOf('|') + 1))" },
    { name: 'named', expression: distinct('variables.asked') },
    // More than can be asked for one by one: then whoever may do it to all of a kind.
    {
      name: 'rights',
      expression: `size(variables.named) <= ${MOST_RIGHTS} ? variables.named : ${distinct('variables.unnamed')}`,
    },
    { name: 'texts', expression: texts },
  ];
}

/** CEL in Kubernetes 1.30 has no function for it. */
function distinct(list: string): string {
  const indices = Array.from({ length: MOST_ASKED }, (_, n) => n).join(', ');
  return `[${indices}].filter(n, n < size(${list}) && ${list}.indexOf(${list}[n]) == n).map(n, ${list}[n])\n`;
}

interface Validation {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

const FIX = 'or let the rule act as a service account (spec.serviceAccountName) that you may impersonate';

const SHAPE_VALIDATIONS: readonly Validation[] = [
  {
    expression: "variables.account != '' || size(variables.unknown) == 0",
    messageExpression: `'what these plugins do is not known to the policy: ' + variables.unknown.join(', ') + '; make it anew with kube-trigger policy --plugin, ${FIX}'`,
  },
  {
    expression: `size(variables.asked) <= ${MOST_ASKED} && size(variables.rights) <= ${MOST_RIGHTS}`,
    message: `the rule needs more rights than can be asked for (${MOST_RIGHTS}): make several rules of it, ${FIX}`,
  },
  {
    expression: "variables.asked.all(right, right.matches('^[a-z]+([|][^|]*){5}$'))",
    message: 'a kind or a name has characters that no resource has',
  },
];

function rightValidations(): Validation[] {
  return Array.from({ length: MOST_RIGHTS }, (_, n) => ({
    expression: `size(variables.rights) <= ${n} || [variables.rights[${n}].split('|')].all(r,
authorizer.group(r[1]).resource(r[2]).subresource(r[3]).namespace(r[4]).name(r[5]).check(r[0]).allowed())
`,
    messageExpression: `request.userInfo.username + ' may not ' + variables.texts[${n}] + ', which this rule would do: get that right, ${FIX}'`,
  }));
}
