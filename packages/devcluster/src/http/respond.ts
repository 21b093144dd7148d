import type { ServerResponse } from 'node:http';
import { stringify as stringifyYaml } from 'yaml';
import { ApiError } from '../api-error.js';
import { mediaType } from './body.js';

/** Answers with one JSON document, or YAML when that is what the client accepts. */
export function sendJson(response: ServerResponse, code: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const yaml = mediaType(response.req.headers.accept) === 'application/yaml';
  const text = yaml ? stringifyYaml(body) : `${JSON.stringify(body)}\n`;
  sendText(response, code, { type: yaml ? 'application/yaml' : 'application/json', text });
}

export function sendText(
  response: ServerResponse,
  code: number,
  { type, text }: { type: string; text: string | Buffer },
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(code, {
    'content-type': type,
    'cache-control': 'no-cache, private',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** Answers with the Status of a failure; anything but an ApiError is a fault of this server and becomes a 500. */
export function sendError(response: ServerResponse, error: unknown): void {
  const failure = error instanceof ApiError ? error : internal(error);
  const wait = failure.details?.retryAfterSeconds;
  if (wait !== undefined && !response.headersSent) response.setHeader('retry-after', String(wait));
  sendJson(response, failure.code, failure.toStatus());
}

function internal(error: unknown): ApiError {
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new ApiError(500, 'InternalError', `Internal error occurred: ${words}`, {
    causes: [{ reason: '', message: words }],
  });
}
