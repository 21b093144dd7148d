import { asArray, asObject, isObject, type JsonObject } from '../json.js';
import { ProtoWriter } from './proto-writer.js';

/**
 * Encodes an OpenAPI v2 document as `openapi.v2.Document` (OpenAPIv2.proto of the gnostic project), the only form that kubectl reads.
 * Covers what `openApiDocument` writes.
 */
export function encodeOpenApi(document: JsonObject): Buffer {
  const writer = new ProtoWriter().string(1, document['swagger']);
  const info = asObject(document['info']);
  writer.message(2, (each) => each.string(1, info['title']).string(2, info['version']));
  writer.message(8, (paths) => {
    for (const [path, item] of Object.entries(asObject(document['paths']))) {
      paths.message(2, (named) => named.string(1, path).message(2, (value) => writePathItem(value, asObject(item))));
    }
  });
  writer.message(9, (definitions) => {
    for (const [name, schema] of Object.entries(asObject(document['definitions'])))
      writeNamedSchema(definitions, name, schema);
  });
  return writer.finish();
}

function writePathItem(writer: ProtoWriter, item: JsonObject): void {
  const operation = asObject(item['patch']);
  writer.message(8, (patch) => {
    patch.string(3, operation['description']).string(5, operation['operationId']);
    patch.strings(6, operation['produces']).strings(7, operation['consumes']);
    for (const parameter of asArray(operation['parameters'])) {
      const { name, type } = asObject(parameter);
      patch.message(8, (entry) =>
        entry.message(1, (one) =>
          one.message(2, (nonBody) =>
            nonBody.message(3, (query) => query.string(2, 'query').string(4, name).string(6, type)),
          ),
        ),
      );
    }
    patch.message(9, (responses) =>
      responses.message(1, (named) =>
        named.string(1, '200').message(2, (value) => value.message(1, (ok) => ok.string(1, 'OK'))),
      ),
    );
    writeExtensions(patch, { field: 13, value: operation });
  });
}

function writeNamedSchema(writer: ProtoWriter, name: string, schema: unknown): void {
  writer.message(1, (named) => named.string(1, name).message(2, (value) => writeSchema(value, asObject(schema))));
}

function writeSchema(writer: ProtoWriter, schema: JsonObject): void {
  writer.string(1, schema['$ref']).string(2, schema['format']).string(4, schema['description']);
  writer.double(7, schema['maximum']).double(9, schema['minimum']);
  writer.integer(11, schema['maxLength']).integer(12, schema['minLength']).string(13, schema['pattern']);
  writer.integer(14, schema['maxItems']).integer(15, schema['minItems']).strings(19, schema['required']);
  for (const each of asArray(schema['enum'])) writer.message(20, (any) => any.string(2, JSON.stringify(each)));
  const { additionalProperties, items, properties, type } = schema;
  if (isObject(additionalProperties))
    writer.message(21, (item) => item.message(1, (value) => writeSchema(value, additionalProperties)));
  if (typeof type === 'string') writer.message(22, (item) => item.string(1, type));
  if (isObject(items)) writer.message(23, (item) => item.message(1, (value) => writeSchema(value, items)));
  if (isObject(properties)) {
    writer.message(25, (list) => {
      for (const [name, each] of Object.entries(properties)) writeNamedSchema(list, name, each);
    });
  }
  writeExtensions(writer, { field: 31, value: schema });
}

function writeExtensions(writer: ProtoWriter, { field, value }: { field: number; value: JsonObject }): void {
  for (const [name, each] of Object.entries(value)) {
    if (!name.startsWith('x-')) continue;
    // JSON is YAML, which is what the message's `yaml` field holds.
    writer.message(field, (named) =>
      named.string(1, name).message(2, (any) => any.string(2, `${JSON.stringify(each)}\n`)),
    );
  }
}
