import type { TSchema } from 'typebox';

/**
 * kubectl, Helm and most tools in Go read YAML 1.1, in which an unquoted key `on` is the boolean true: the API server is then sent
 * `true: […]`. For a schema that knows `on` and no `true`, that is what its author wrote; it also wins over a default for `on` that the
 * API server filled in meanwhile. (https://yaml.org/type/bool.html)
 */
export function asWritten(schema: TSchema, config: unknown): unknown {
  const known = (schema as { properties?: Record<string, unknown> }).properties ?? {};
  if (!Object.hasOwn(known, 'on') || Object.hasOwn(known, 'true')) return config;
  if (typeof config !== 'object' || config === null || !Object.hasOwn(config, 'true')) return config;
  const { true: on, ...rest } = config as Record<string, unknown>;
  return { ...rest, on };
}
