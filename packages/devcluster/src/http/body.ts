import type { IncomingMessage } from 'node:http';
import { parse as parseYaml } from 'yaml';
import { decodeProtobuf } from './protobuf/decode.js';
import { ApiError, badRequest, unsupportedMediaType } from '../api-error.js';

/** The API server's limit for a request body, in bytes. */
const LIMIT = 3 * 1024 * 1024;

/** Reads the whole body. @throws ApiError 413 above 3 MiB. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMIT) {
      throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${LIMIT}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `application/json; charset=utf-8` → `application/json`. */
export function mediaType(header: string | undefined): string {
  return (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

const ACCEPTED = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/**
 * Decodes an object's body. No content type counts as JSON.
 *
 * @throws ApiError 415 for other formats (and for protobuf of most kinds), 400 when it does not parse or is not an object.
 */
export function decodeObject(body: Buffer, contentType: string | undefined): unknown {
  const type = mediaType(contentType);
  if (type === 'application/vnd.kubernetes.protobuf') return decodeProtobuf(body);
  if (type !== '' && type !== 'application/json' && type !== 'application/yaml') throw unsupportedMediaType(ACCEPTED);
  return type === 'application/yaml' ? decodeYaml(body) : decodeJson(body);
}

export function decodeJson(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${words(error)}`);
  }
}

export function decodeYaml(body: Buffer): unknown {
  try {
    return parseYaml(body.toString('utf8')) as unknown;
  } catch (error) {
    throw badRequest(`error decoding YAML: ${words(error)}`);
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
