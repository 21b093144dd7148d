import { definitionStrategy } from '../crd/strategy.js';
import type { ResourceDefinition } from './definition.js';

/** What built-in kinds do beyond being stored, by plural. */
export const STRATEGIES: { readonly [plural: string]: Partial<ResourceDefinition> } = {
  customresourcedefinitions: definitionStrategy,
  namespaces: {
    prepareCreate(namespace) {
      namespace['spec'] = { finalizers: ['kubernetes'] };
      namespace['status'] = { phase: 'Active' };
    },
  },
};
