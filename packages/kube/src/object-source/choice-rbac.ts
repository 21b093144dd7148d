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
