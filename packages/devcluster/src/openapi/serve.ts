import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson, sendText } from '../http/respond.js';
import type { Registry } from '../resources/registry.js';
import type { JsonObject } from '../json.js';
import { openApiDocument } from './document.js';
import { encodeOpenApi } from './protobuf.js';

interface Built {
  readonly generation: number;
  readonly document: JsonObject;
  binary?: Buffer;
}

const built = new WeakMap<Registry, Built>();

/** `/openapi/v2`: protobuf for clients that accept it (kubectl), JSON for the others. Made anew when a CRD has changed. */
export function serveOpenApi(registry: Registry, request: IncomingMessage, response: ServerResponse): void {
  let current = built.get(registry);
  if (current?.generation !== registry.generation) {
    current = { generation: registry.generation, document: openApiDocument(registry) };
    built.set(registry, current);
  }
  if (!(request.headers.accept ?? '').includes('openapi.spec.v2@v1.0+protobuf')) {
    sendJson(response, 200, current.document);
    return;
  }
  current.binary ??= encodeOpenApi(current.document);
  sendText(response, 200, { type: 'application/octet-stream', text: current.binary });
}
