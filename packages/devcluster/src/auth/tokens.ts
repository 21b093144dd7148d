import { createHmac, randomBytes } from 'node:crypto';
import type { KubeObject } from '../api-types.js';
import type { User } from '../rest/context.js';
import type { Store } from '../store/store.js';
import { serviceAccountGroups } from './authorize.js';
import { serviceAccountName } from './rbac.js';

export const ADMIN: User = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

interface Holder {
  readonly user: User;
  readonly expires?: number;
  /** For a service account's token: dies with the account. */
  readonly account?: { readonly namespace: string; readonly name: string; readonly uid: string };
}

/** Bearer tokens and who holds them. */
export class Tokens {
  private readonly holders = new Map<string, Holder>();
  private readonly signingKey = randomBytes(32);

  constructor(
    private readonly store: Store,
    private readonly now: () => Date,
  ) {}

  /** Makes a token for a user; `system:authenticated` is added to the groups. */
  issue(name: string, groups: readonly string[], token = randomBytes(16).toString('hex')): string {
    this.holders.set(token, { user: { name, groups: [...new Set([...groups, 'system:authenticated'])] } });
    return token;
  }

  /** Makes a token for a service account: a JWT in form, so that clients can read when it expires. */
  issueForAccount(
    account: KubeObject,
    seconds: number,
    audiences: readonly string[],
  ): { token: string; expires: Date } {
    const { name, namespace = '', uid = '' } = account.metadata;
    const issued = Math.floor(this.now().getTime() / 1000);
    const subject = serviceAccountName(namespace, name);
    const claims = {
      aud: audiences,
      exp: issued + seconds,
      iat: issued,
      nbf: issued,
      iss: 'https://kubernetes.default.svc',
      sub: subject,
      'kubernetes.io': { namespace, serviceaccount: { name, uid } },
      jti: randomBytes(8).toString('hex'),
    };
    const body = [{ alg: 'HS256', typ: 'JWT' }, claims]
      .map((each) => Buffer.from(JSON.stringify(each)).toString('base64url'))
      .join('.');
    const token = `${body}.${createHmac('sha256', this.signingKey).update(body).digest('base64url')}`;
    const expires = new Date((issued + seconds) * 1000);
    this.holders.set(token, {
      user: { name: subject, uid, groups: serviceAccountGroups(namespace) },
      expires: expires.getTime(),
      account: { namespace, name, uid },
    });
    return { token, expires };
  }

  /** @returns false when there was no such token. */
  revoke(token: string): boolean {
    return this.holders.delete(token);
  }

  /** The holder of an `Authorization` header's token. */
  userOf(header: string | undefined): User | undefined {
    return this.holderOf(/^Bearer\s+(\S+)$/i.exec(header ?? '')?.[1] ?? '');
  }

  /** The holder of a token, when it is valid now. */
  holderOf(token: string): User | undefined {
    const holder = this.holders.get(token);
    if (holder === undefined) return undefined;
    if (holder.expires !== undefined && holder.expires <= this.now().getTime()) return undefined;
    const { account } = holder;
    if (account === undefined) return holder.user;
    const current = this.store.get({
      collection: '/serviceaccounts',
      namespace: account.namespace,
      name: account.name,
    });
    return current?.metadata.uid === account.uid ? holder.user : undefined;
  }
}
