import type { ConfiguredRbacRule } from '@kube-trigger/core';
import type { Resource } from '../model.js';
import type { ObjectChoice } from './options.js';

type Kind = Pick<Resource, 'group' | 'plural'>;

/** What watching the chosen objects needs: for one by name no more than that one, because such a watch has a field selector. */
export function choiceRbac({ group, plural }: Kind, { name, namespace }: ObjectChoice): ConfiguredRbacRule {
  return {
    apiGroups: [group],
    resources: [plural],
    verbs: ['get', 'list', 'watch'],
    ...(name === undefined ? {} : { resourceNames: [name] }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

/** The plugin's `authorRights`: who may read an object by its name may have it watched, who may list them all of them. */
export function choiceAuthorRights({ group, plural }: Kind): string {
  return `[(has(config.name) ? 'get' : 'list') + '|${group}|${plural}||' + ${NAMESPACE_IN_CEL} + '|' + ${NAME_IN_CEL}]`;
}

export const NAMESPACE_IN_CEL = '(has(config.namespace) ? config.namespace : variables.home)';
export const NAME_IN_CEL = "(has(config.name) ? config.name : '')";
