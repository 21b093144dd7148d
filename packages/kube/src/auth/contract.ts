/** TLS material as Node's `tls.connect` takes it. */
export interface TlsMaterial {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly passphrase?: string | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

export interface Credentials {
  /** Base URL of the API server; a path prefix is kept. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

/** An identity and where to use it. */
export interface KubeAuth {
  /** Asked before every request: cheap while nothing changed. Rejects with `KT_KUBE_AUTH`. */
  credentials(): Promise<Credentials>;
  /** The server answered 401: read files again, run the exec plugin again. */
  reload(): Promise<void>;
  /** The namespace that this identity works in by default, if its configuration says one. */
  namespace(): Promise<string | undefined>;
}
