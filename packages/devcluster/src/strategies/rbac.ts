import { asArray, asObject, deepEqual, isObject } from '../json.js';
import type { Strategy } from '../resources/definition.js';
import { pathSegmentErrors } from '../schema/names.js';

const GROUP = 'rbac.authorization.k8s.io';

export const roleStrategy: Strategy = {
  validateName: pathSegmentErrors,
  defaults(role) {
    // Go prints a nil list as null.
    if (role['rules'] === undefined) role['rules'] = null;
  },
};

export const bindingStrategy: Strategy = {
  validateName: pathSegmentErrors,
  defaults(binding) {
    const { roleRef } = binding;
    if (isObject(roleRef) && (roleRef['apiGroup'] === undefined || roleRef['apiGroup'] === ''))
      roleRef['apiGroup'] = GROUP;
    for (const subject of asArray(binding['subjects'])) {
      if (isObject(subject) && subject['apiGroup'] === undefined && subject['kind'] !== 'ServiceAccount')
        subject['apiGroup'] = GROUP;
    }
  },
  validate(binding) {
    const { kind, name } = asObject(binding['roleRef']);
    if (typeof name !== 'string' || name === '')
      return [{ type: 'FieldValueRequired', field: 'roleRef.name', detail: '' }];
    if (kind === 'Role' || kind === 'ClusterRole') return [];
    return [
      {
        type: 'FieldValueNotSupported',
        field: 'roleRef.kind',
        value: kind,
        detail: 'supported values: "Role", "ClusterRole"',
      },
    ];
  },
  validateUpdate(next, old) {
    if (deepEqual(next['roleRef'], old['roleRef'])) return [];
    return [{ type: 'FieldValueInvalid', field: 'roleRef', value: next['roleRef'], detail: 'cannot change roleRef' }];
  },
};
