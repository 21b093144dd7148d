/** What the operator's process is told. */
export type ToOperator = LoadPlugins | { readonly type: 'start' } | { readonly type: 'stop' };

export interface LoadPlugins {
  readonly type: 'load';
  readonly server: string;
  readonly token: string;
  readonly plugins: readonly string[];
  readonly directory: string;
  readonly disabledPlugins: readonly string[];
}

/** What it says. */
export type FromOperator =
  | { readonly type: 'loaded'; readonly plugins: readonly string[]; readonly definitions: readonly object[] }
  | { readonly type: 'refused'; readonly reasons: readonly string[] }
  | { readonly type: 'said'; readonly line: Line };

/** One line for people. */
export interface Line {
  /** A rule (`namespace/name`), or who else says it. */
  readonly about: string;
  readonly text: string;
  readonly tone?: 'good' | 'bad' | undefined;
}
