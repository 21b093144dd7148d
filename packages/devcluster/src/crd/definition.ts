import type { KubeObject } from '../api-types.js';
import { asArray, asObject, asString, isObject, type JsonObject } from '../json.js';
import type { ResourceDefinition, ScaleFields } from '../resources/definition.js';
import { printerColumns } from '../table/columns.js';
import { COMMON_FIELDS } from '../selectors/field-selector.js';
import { subdomainErrors } from '../schema/names.js';

/** The served versions that a CustomResourceDefinition defines. */
export function definitionsOf(crd: KubeObject): ResourceDefinition[] {
  const spec = asObject(crd['spec']);
  const names = asObject(spec['names']);
  const kind = asString(names['kind']) ?? '';
  const base = {
    group: asString(spec['group']) ?? '',
    plural: asString(names['plural']) ?? '',
    kind,
    singular: asString(names['singular']) ?? kind.toLowerCase(),
    listKind: asString(names['listKind']) ?? `${kind}List`,
    namespaced: spec['scope'] === 'Namespaced',
    shortNames: strings(names['shortNames']),
    categories: strings(names['categories']),
    fields: COMMON_FIELDS,
    hasGeneration: true,
    custom: true,
    validateName: subdomainErrors,
  };
  return versionsOf(spec)
    .filter((version) => version['served'] === true)
    .map((version) => ({ ...base, ...ofVersion(version) }));
}

export function versionsOf(spec: JsonObject): JsonObject[] {
  return asArray(spec['versions']).filter(isObject);
}

function ofVersion(
  version: JsonObject,
): Pick<ResourceDefinition, 'version' | 'subresources' | 'schema' | 'scale' | 'columns'> {
  const schema = asObject(version['schema'])['openAPIV3Schema'];
  const subresources = asObject(version['subresources']);
  const columns = printerColumns(asArray(version['additionalPrinterColumns']));
  return {
    version: asString(version['name']) ?? '',
    subresources: Object.keys(subresources),
    ...(columns === undefined ? {} : { columns }),
    ...(isScale(subresources['scale']) ? { scale: subresources['scale'] } : {}),
    ...(isObject(schema) ? { schema } : {}),
  };
}

function isScale(value: unknown): value is ScaleFields {
  return (
    isObject(value) && typeof value['specReplicasPath'] === 'string' && typeof value['statusReplicasPath'] === 'string'
  );
}

function strings(value: unknown): string[] {
  return asArray(value).filter((each) => typeof each === 'string');
}
