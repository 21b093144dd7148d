import { randomBytes } from 'node:crypto';
import type { User } from '../rest/context.js';

export const ADMIN: User = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

/** Bearer tokens and who holds them. */
export class Tokens {
  private readonly users = new Map<string, User>();

  /** Makes a token for a user; `system:authenticated` is added to the groups. */
  issue(name: string, groups: readonly string[], token = randomBytes(16).toString('hex')): string {
    this.users.set(token, { name, groups: [...new Set([...groups, 'system:authenticated'])] });
    return token;
  }

  /** @returns false when there was no such token. */
  revoke(token: string): boolean {
    return this.users.delete(token);
  }

  /** The holder of an `Authorization` header's token. */
  userOf(header: string | undefined): User | undefined {
    const match = /^Bearer\s+(\S+)$/i.exec(header ?? '');
    return match?.[1] === undefined ? undefined : this.users.get(match[1]);
  }
}
