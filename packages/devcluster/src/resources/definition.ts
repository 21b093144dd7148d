import type { FieldError, ResourceName } from '../api-error.js';
import { groupVersion, type KubeObject } from '../api-types.js';
import type { Schema } from '../schema/schema.js';
import type { SelectableFields } from '../selectors/field-selector.js';

/** A column of `kubectl get`, as a Table lists it. `priority` 0 is always shown, above only with `-o wide`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  /** The cell; null prints as `<none>` or nothing, as the client chooses. */
  readonly cell: (object: KubeObject, now: Date) => unknown;
}

export interface ScaleFields {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** What a kind does beyond being stored. Each hook gets an object that it may change. */
export interface Strategy {
  /** Sets defaults, on every write. */
  readonly defaults?: (object: KubeObject) => void;
  readonly prepareCreate?: (object: KubeObject) => void;
  readonly prepareUpdate?: (object: KubeObject, old: KubeObject) => void;
  readonly validate?: (object: KubeObject) => FieldError[];
  readonly validateUpdate?: (object: KubeObject, old: KubeObject) => FieldError[];
  /** Checks `metadata.name`; DNS-1123 subdomain when left out. */
  readonly validateName?: (name: string) => string[];
}

/** One resource in one version. */
export interface ResourceDefinition extends Strategy {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** `status`, `scale`, `finalize`, `binding`, … */
  readonly subresources: readonly string[];
  /** `metadata.generation` counts changes of anything but metadata and status. */
  readonly hasGeneration: boolean;
  readonly fields: SelectableFields;
  readonly schema?: Schema;
  readonly columns?: readonly Column[];
  /** A kind defined by a CRD: unknown fields obey its schema and errors use its words. */
  readonly custom: boolean;
  /** Where a custom resource keeps what its `scale` subresource shows; built-in kinds keep it in the usual places. */
  readonly scale?: ScaleFields;
  /** Deleting answers with the object instead of a Status. */
  readonly returnsDeleted?: boolean;
}

/** Where the objects of all versions of a resource are stored. */
export function collectionOf(definition: { readonly group: string; readonly plural: string }): string {
  return `${definition.group}/${definition.plural}`;
}

export function resourceName(definition: ResourceDefinition): ResourceName {
  return { group: definition.group, name: definition.plural };
}

export function kindName(definition: ResourceDefinition): ResourceName {
  return { group: definition.group, name: definition.kind };
}

export function apiVersionOf(definition: ResourceDefinition): string {
  return groupVersion(definition.group, definition.version);
}
