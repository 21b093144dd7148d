import type { KubeAuth, TlsMaterial } from './contract.js';

export interface StaticAuthOptions {
  readonly server: string;
  readonly token?: string | undefined;
  readonly ca?: string | Buffer | undefined;
  /** For impersonation: `{ 'Impersonate-User': 'system:serviceaccount:shop:deployer' }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly tls?: TlsMaterial | undefined;
  readonly namespace?: string | undefined;
}

/** Credentials that never change. */
export function staticAuth(options: StaticAuthOptions): KubeAuth {
  const credentials = {
    server: options.server,
    headers: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    tls: { ...options.tls, ...(options.ca === undefined ? {} : { ca: options.ca }) },
  };
  return {
    credentials: () => Promise.resolve(credentials),
    reload: () => Promise.resolve(),
    namespace: () => Promise.resolve(options.namespace),
  };
}

/** The same server and login, acting as somebody else. The identity behind `auth` needs the `impersonate` verb. */
export function impersonate(auth: KubeAuth, user: string): KubeAuth {
  return {
    credentials: async () => {
      const credentials = await auth.credentials();
      return { ...credentials, headers: { ...credentials.headers, 'impersonate-user': user } };
    },
    reload: () => auth.reload(),
    namespace: () => auth.namespace(),
  };
}
