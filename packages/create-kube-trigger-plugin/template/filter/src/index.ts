import { defineFilter, PASS } from '@kube-trigger/core';
import { MySampleConfig } from './config.ts';

export default defineFilter({
  name: 'mySample',
  summary: 'Passes changes of certain data keys.',
  config: MySampleConfig,
  rbac: [],
  create: () => ({
    decide({ keys }, { changedKeys }) {
      // Deletions and events of sources without parts have none.
      if (changedKeys === undefined) return PASS;
      if (changedKeys.some((key) => keys.includes(key))) return PASS;
      return { drop: `changed ${changedKeys.join(', ')}, not ${keys.join(' or ')}` };
    },
  }),
});
