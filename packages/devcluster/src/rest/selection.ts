import type { KubeObject } from '../api-types.js';
import type { ResourceDefinition } from '../resources/definition.js';
import { matchFields, parseFieldSelector } from '../selectors/field-selector.js';
import { parseLabelSelector } from '../selectors/label-selector.js';
import type { ResourceRequest } from './context.js';

/** The objects a list, watch or deletecollection asks for, by label and field selector. */
export function selectorOf({ definition, info }: ResourceRequest): (object: KubeObject) => boolean {
  const labelText = info.query.get('labelSelector') ?? '';
  const fieldText = info.query.get('fieldSelector') ?? '';
  const labels = labelText.trim() === '' ? undefined : parseLabelSelector(labelText);
  const fields =
    fieldText === ''
      ? undefined
      : matchFields(parseFieldSelector(fieldText), definition.fields, (field) => unknownField(definition, field));
  const { name } = info;
  return (object) =>
    (name === '' || object.metadata.name === name) &&
    (labels === undefined || labels(object.metadata.labels)) &&
    (fields === undefined || fields(object));
}

/** Each kind has its own words for a field it does not know. */
function unknownField(definition: ResourceDefinition, field: string): string {
  const known = Object.keys(definition.fields);
  if (!definition.custom && known.length === 2 && known[1] === 'metadata.namespace') {
    return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
  }
  if (definition.group === 'batch') return `field label ${JSON.stringify(field)} not supported for batchv1.Job`;
  return `field label not supported: ${field}`;
}
