import { GoSyntax } from './go-syntax.js';

/** One cause of a failure, as `details.causes` of a Status lists it. */
export interface StatusCause {
  reason?: string;
  message: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** What names a resource in an error: the plural for most, the kind where validation speaks. */
export interface ResourceName {
  group: string;
  name: string;
}

/**
 * A failure with the shape of the API server's `Status`. The words follow apimachinery's `api/errors`, because clients and people
 * match on them.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The `metadata.continue` of a 410 for a continue token: lets the client go on inconsistently. */
  continueToken?: string;

  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: StatusDetails,
  ) {
    super(message);
  }

  /** The `Status` object of this failure. */
  toStatus(): { [key: string]: unknown } {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continueToken === undefined ? {} : { continue: this.continueToken },
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** `configmaps`, or `deployments.apps` when there is a group. */
function qualified(resource: ResourceName): string {
  return resource.group === '' ? resource.name : `${resource.name}.${resource.group}`;
}

function named(resource: ResourceName, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.name,
  };
}

export function notFound(resource: ResourceName, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, named(resource, name));
}

/** The answer for a path that names no known resource. */
export function unknownResource(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  return new ApiError(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, named(resource, name));
}

export function conflict(resource: ResourceName, name: string, because: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${because}`;
  return new ApiError(409, 'Conflict', message, named(resource, name));
}

/** The conflict of a stale `metadata.resourceVersion`. */
export function modified(resource: ResourceName, name: string): ApiError {
  return conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message);
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiError(415, 'UnsupportedMediaType', message);
}

/** Something that a real API server has and this one does not. The message says so, so that nobody debugs a silence. */
export function notImplemented(what: string): ApiError {
  return new ApiError(501, 'NotImplemented', `devcluster does not implement ${what}`);
}

/** A field's failure, before it is put in words. `value` is left out of the words when undefined. */
export interface FieldError {
  type:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'FieldValueNotFound';
  field: string;
  detail: string;
  value?: unknown;
}

const TYPE_WORDS: { readonly [type in FieldError['type']]: string } = {
  FieldValueInvalid: 'Invalid value',
  FieldValueRequired: 'Required value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotFound: 'Not found',
};

const WITHOUT_VALUE = new Set<FieldError['type']>([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'FieldValueTooMany',
]);

/** The body of a field error, without the field: `Invalid value: "x": must be …`. */
export function fieldErrorBody(error: FieldError): string {
  const words = TYPE_WORDS[error.type];
  const head = WITHOUT_VALUE.has(error.type) || error.value === undefined ? words : `${words}: ${goValue(error.value)}`;
  return error.detail === '' ? head : `${head}: ${error.detail}`;
}

/** Go prints strings quoted, scalars bare and everything else as JSON. */
function goValue(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value instanceof GoSyntax ? value.toString() : JSON.stringify(value);
}

/** 422 with one cause for each field. `kind` is the object's kind and group. */
export function invalid(kind: ResourceName, name: string, errors: readonly FieldError[]): ApiError {
  const lines = [...new Set(errors.map((error) => `${error.field}: ${fieldErrorBody(error)}`))];
  const words = lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
  return new ApiError(422, 'Invalid', `${qualified(kind)} "${name}" is invalid: ${words}`, {
    ...named(kind, name),
    causes: errors.map((error) => ({ reason: error.type, message: fieldErrorBody(error), field: error.field })),
  });
}
