import { guessedPluralInCel } from '@kube-trigger/kube';
import { DEFAULT_KINDS, KNOWN_KINDS, kindOf } from './targets/kinds.js';

const groupOf = (kind: string) => kindOf({ kind }).apiVersions[0]?.split('/')[0] ?? '';
const KNOWN = `{${KNOWN_KINDS.map((kind) => `'${kind}': '${groupOf(kind)}'`).join(', ')}}`;
const DEFAULTS = `[${DEFAULT_KINDS.map(({ kind }) => `{'kind': '${kind}'}`).join(', ')}]`;

/** A kind's own name in another group is another kind. */
const IS_KNOWN = `(ref.kind in ${KNOWN} && (!has(ref.apiVersion) || ref.apiVersion.split('/')[0] == ${KNOWN}[ref.kind]))`;
const GROUP = `(has(ref.apiVersion)
    ? (ref.apiVersion.contains('/') ? ref.apiVersion.split('/')[0] : '')
    : ref.kind in ${KNOWN} ? ${KNOWN}[ref.kind] : '')`;
const NAME = "(has(config.objectRef) ? config.objectRef.name : '')";
const IS_POD = "(ref.kind == 'Pod' && (!has(ref.apiVersion) || !ref.apiVersion.contains('/')))";
/** A pod is marked on what controls it. */
const OWNERS = ['replicasets', 'statefulsets', 'daemonsets'].map((plural) => `'patch|apps|${plural}||' + ns + '|'`);
/** A copy of what the rule watches, which goes again when nothing uses it. */
const COPIES = ['configmaps', 'secrets'].flatMap((plural) =>
  ['get', 'create', 'patch', 'delete'].map((verb) => `'${verb}||${plural}||' + ns + '|'`),
);
/** What an Argo Rollout's \`workloadRef\` may lead to, which the rule does not show. */
const HELD = ['deployments', 'statefulsets', 'daemonsets'].map((plural) => `'patch|apps|${plural}||' + ns + '|'`);

/**
 * Who may patch these workloads, and with `strategy: evict` evict pods there. What is listed to count is not asked for: it shows nothing. Of a kind that is not known here nobody can tell whether it is in namespaces: it takes the right in all of
 * them.
 */
export const AUTHOR_RIGHTS = `
  (has(config.objectRef) ? [config.objectRef] : has(config.selector) ? [config.selector]
    : has(config.kinds) ? config.kinds : ${DEFAULTS}
  ).map(ref,
    (has(config.referencing) ? variables.sourceNamespaces
      : [has(ref.namespace) ? ref.namespace : variables.home]
    ).map(ns,
      ((${IS_POD} ? [${OWNERS.join(', ')}] : ['patch|' + ${GROUP} + '|' + ${guessedPluralInCel('ref.kind')}
        + '||' + (${IS_KNOWN} ? ns : '') + '|' + ${NAME}])
        + (has(config.strategy) && config.strategy == 'evict' ? ['create||pods|eviction|' + ns + '|', 'list||pods||' + ns + '|'] : [])
        + (has(config.configSnapshot) ? [${COPIES.join(', ')}] : [])
        + (ref.kind == 'Rollout' ? [${HELD.join(', ')}] : [])
      ).join(' ')
    ).join(' ')
  ).join(' ').split(' ')`;
