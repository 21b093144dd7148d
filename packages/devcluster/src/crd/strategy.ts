import type { FieldError } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { asObject, asString, isObject } from '../json.js';
import type { Strategy } from '../resources/definition.js';
import { versionsOf } from './definition.js';
import { structuralErrors } from './structural.js';

const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** How a CustomResourceDefinition itself behaves. */
export const definitionStrategy: Strategy = {
  defaults(crd) {
    const spec = asObject(crd['spec']);
    const names = asObject(spec['names']);
    const kind = asString(names['kind']) ?? '';
    if (names['singular'] === undefined && kind !== '') names['singular'] = kind.toLowerCase();
    if (names['listKind'] === undefined && kind !== '') names['listKind'] = `${kind}List`;
    if (spec['conversion'] === undefined) spec['conversion'] = { strategy: 'None' };
  },
  prepareCreate(crd) {
    crd.metadata.finalizers = [...new Set([...(crd.metadata.finalizers ?? []), CLEANUP_FINALIZER])];
    crd['status'] = { conditions: [], acceptedNames: { plural: '', kind: '' }, storedVersions: storageVersions(crd) };
  },
  validate,
};

function storageVersions(crd: KubeObject): string[] {
  return versionsOf(asObject(crd['spec']))
    .filter((each) => each['storage'] === true)
    .map((each) => asString(each['name']) ?? '');
}

function validate(crd: KubeObject): FieldError[] {
  const spec = asObject(crd['spec']);
  const names = asObject(spec['names']);
  const errors: FieldError[] = [];
  const need = (field: string, value: unknown): void => {
    if (value === undefined || value === '') errors.push({ type: 'FieldValueRequired', field, detail: '' });
  };
  need('spec.group', spec['group']);
  need('spec.scope', spec['scope']);
  need('spec.names.plural', names['plural']);
  need('spec.names.kind', names['kind']);
  const wanted = `${String(names['plural'])}.${String(spec['group'])}`;
  if (crd.metadata.name !== wanted) {
    errors.push({
      type: 'FieldValueInvalid',
      field: 'metadata.name',
      value: crd.metadata.name,
      detail: `must be spec.names.plural+"."+spec.group`,
    });
  }
  if (storageVersions(crd).length !== 1) {
    errors.push({
      type: 'FieldValueInvalid',
      field: 'spec.versions',
      value: spec['versions'],
      detail: 'must have exactly one version marked as storage version',
    });
  }
  const { scope } = spec;
  if (scope !== undefined && scope !== 'Namespaced' && scope !== 'Cluster') {
    const detail = 'supported values: "Cluster", "Namespaced"';
    errors.push({ type: 'FieldValueNotSupported', field: 'spec.scope', value: scope, detail });
  }
  if (asObject(spec['conversion'])['strategy'] === 'Webhook') {
    const detail = 'devcluster does not implement conversion webhooks';
    errors.push({ type: 'FieldValueForbidden', field: 'spec.conversion.strategy', detail });
  }
  const versions = versionsOf(spec);
  versions.forEach((version, i) => {
    const schema = asObject(version['schema'])['openAPIV3Schema'];
    // With one version for all, the API server names the schema by its internal place.
    const path = versions.length === 1 ? 'spec.validation' : `spec.versions[${i}].schema`;
    if (isObject(schema)) errors.push(...structuralErrors(schema, `${path}.openAPIV3Schema`));
    if (schema === undefined) {
      errors.push({
        type: 'FieldValueRequired',
        field: `spec.versions[${i}].schema.openAPIV3Schema`,
        detail: 'schemas are required',
      });
    }
  });
  return errors;
}
