/** A field of a config schema, by its path: `keys.include`, `selector.matchExpressions[].key`. */
export interface SchemaField {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** The part of JSON Schema that plugin configs are written in. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: unknown;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
}

/** Every field of an object schema, parents before their children, in the schema's order. */
export function fieldsOf(schema: object, parent = ''): SchemaField[] {
  const { properties = {}, required = [] } = schema as JsonSchema;
  return Object.entries(properties).flatMap(([name, inner]) => {
    const path = parent === '' ? name : `${parent}.${name}`;
    const below = inner.items === undefined ? fieldsOf(inner, path) : fieldsOf(inner.items, `${path}[]`);
    return [{ path, schema: inner, required: required.includes(name) }, ...below];
  });
}

/** Paths of objects, the schema itself (`''`) included, that would let unknown fields pass. Maps (labels) are none. */
export function openObjects(schema: object): string[] {
  const objects: { path: string; schema: JsonSchema }[] = [{ path: '', schema }, ...fieldsOf(schema)].flatMap(
    (field) => {
      const { path, schema: inner } = field as { path: string; schema: JsonSchema };
      return inner.items === undefined ? [{ path, schema: inner }] : [{ path: `${path}[]`, schema: inner.items }];
    },
  );
  return objects
    .filter(({ schema: inner }) => inner.type === 'object' && inner.patternProperties === undefined)
    .filter(({ schema: inner }) => inner.additionalProperties !== false)
    .map(({ path }) => path);
}
