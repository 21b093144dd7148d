import { methodNotAllowed, type StatusCause, ApiError, notFound } from '../api-error.js';
import { asArray, asObject, asString, isObject, type JsonObject } from '../json.js';
import type { User } from '../rest/context.js';
import type { Store } from '../store/store.js';
import { attributesOf, isAllowed } from './rbac.js';
import type { Tokens } from './tokens.js';

/** A resource that answers a question and stores nothing. */
export interface Review {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const AUTHORIZATION = 'authorization.k8s.io';

export const REVIEWS: readonly Review[] = [
  { group: 'authentication.k8s.io', plural: 'tokenreviews', kind: 'TokenReview', namespaced: false },
  { group: AUTHORIZATION, plural: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview', namespaced: true },
  { group: AUTHORIZATION, plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview', namespaced: false },
  { group: AUTHORIZATION, plural: 'subjectaccessreviews', kind: 'SubjectAccessReview', namespaced: false },
];

interface Asked {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly user: User;
  readonly method: string;
  readonly body: unknown;
}

/** Answers a review with the review itself, its status filled in. */
export function answerReview(review: Review, { body, method, store, tokens, user }: Asked): JsonObject {
  if (method !== 'POST') throw methodNotAllowed();
  const asked = asObject(body);
  const spec = asObject(asked['spec']);
  const head = { kind: review.kind, apiVersion: `${review.group}/v1`, metadata: { creationTimestamp: null } };
  if (review.kind === 'TokenReview')
    return { ...head, spec, status: tokenStatus(tokens, asString(spec['token']) ?? '') };
  const who = review.kind === 'SelfSubjectAccessReview' ? user : subjectOf(spec);
  checkSpec(review, spec);
  const allowed = isAllowed(store, who, attributesOf(spec));
  return { ...head, spec, status: { allowed } };
}

function subjectOf(spec: JsonObject): User {
  return { name: asString(spec['user']) ?? '', groups: asArray(spec['groups']).map(String) };
}

function checkSpec(review: Review, spec: JsonObject): void {
  if (isObject(spec['resourceAttributes']) !== isObject(spec['nonResourceAttributes'])) return;
  const cause: StatusCause = {
    reason: 'FieldValueInvalid',
    message: 'Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified',
    field: 'spec.resourceAttributes',
  };
  throw new ApiError(422, 'Invalid', `${review.kind}.${review.group} "" is invalid: ${cause.field}: ${cause.message}`, {
    group: review.group,
    kind: review.kind,
    causes: [cause],
  });
}

function tokenStatus(tokens: Tokens, token: string): JsonObject {
  const user = tokens.holderOf(token);
  if (user === undefined) return { user: {}, error: '[invalid bearer token, token lookup failed]' };
  const { groups, name, uid } = user;
  return { authenticated: true, user: { username: name, ...(uid === undefined ? {} : { uid }), groups } };
}

const SHORTEST_SECONDS = 600;
const DEFAULT_SECONDS = 3600;

/** `POST serviceaccounts/NAME/token`. */
export function requestToken(
  { store, tokens }: { readonly store: Store; readonly tokens: Tokens },
  { body, name, namespace }: { readonly body: unknown; readonly namespace: string; readonly name: string },
): JsonObject {
  const account = store.get({ collection: '/serviceaccounts', namespace, name });
  if (account === undefined) throw notFound({ group: '', name: 'serviceaccounts' }, name);
  const spec = asObject(asObject(body)['spec']);
  const seconds = typeof spec['expirationSeconds'] === 'number' ? spec['expirationSeconds'] : DEFAULT_SECONDS;
  if (seconds < SHORTEST_SECONDS) {
    const cause = {
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${seconds}: may not specify a duration less than 10 minutes`,
      field: 'spec.expirationSeconds',
    };
    const message = `TokenRequest.authentication.k8s.io "" is invalid: ${cause.field}: ${cause.message}`;
    throw new ApiError(422, 'Invalid', message, {
      group: 'authentication.k8s.io',
      kind: 'TokenRequest',
      causes: [cause],
    });
  }
  const audiences = asArray(spec['audiences']).map(String);
  const asked = audiences.length === 0 ? ['https://kubernetes.default.svc'] : audiences;
  const { expires, token } = tokens.issueForAccount(account, seconds, asked);
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: null },
    spec: { audiences: asked, expirationSeconds: seconds, boundObjectRef: spec['boundObjectRef'] ?? null },
    status: { token, expirationTimestamp: expires.toISOString().replace(/\.\d+Z$/, 'Z') },
  };
}
