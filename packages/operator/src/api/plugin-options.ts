/** One option of a plugin, as a person reads it. */
export interface PluginOption {
  /** `selector.matchExpressions[].key`. */
  readonly path: string;
  readonly type: string;
  /** JSON, or `required`, or empty. */
  readonly default: string;
  readonly meaning: string;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: object;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

/** Every option of a config schema, parents before their children. */
export function optionsOf(config: object, parent = ''): PluginOption[] {
  const { properties = {}, required = [] } = config as Schema;
  return Object.entries(properties).flatMap(([name, inner]) => {
    const path = `${parent}${name}`;
    const fallback = required.includes(name) ? 'required' : '';
    const own: PluginOption = {
      path,
      type: typeOf(inner),
      default: inner.default === undefined ? fallback : JSON.stringify(inner.default),
      meaning: inner.description ?? '',
    };
    return [own, ...(inner.items === undefined ? optionsOf(inner, `${path}.`) : optionsOf(inner.items, `${path}[].`))];
  });
}

function typeOf(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map(String).join('|');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.patternProperties !== undefined) return 'map';
  // The only union there is.
  return typeof schema.type === 'object' ? 'number|percentage' : (schema.type ?? 'any');
}
