export const KINDS = ['source', 'filter', 'action'] as const;
export type Kind = (typeof KINDS)[number];

/** What cannot be made, with the fix: for people, without a stack. */
export class Refusal extends Error {}

/** One name in the forms that a plugin needs. */
export interface Names {
  /** Of the npm package, e.g. `@acme/my-slack`. */
  readonly packageName: string;
  /** Of the folder: the package's without its scope. */
  readonly folder: string;
  /** What rules call the plugin, e.g. `mySlack`. */
  readonly key: string;
  /** For types, e.g. `MySlack`. */
  readonly type: string;
  /** For error codes, e.g. `MY_SLACK`. */
  readonly code: string;
}

/** Keys that an operator has already, or that stand beside plugin keys in a rule. */
const TAKEN: Readonly<Record<Kind, readonly string[]>> = {
  source: ['configMap', 'secret', 'resource', 'timer'],
  filter: ['cel', 'debounce', 'throttle', 'window', 'blackout'],
  action: ['updatePodTemplate', 'webhook', 'exec'],
};
const RESERVED = ['name', 'retry', 'timeoutSeconds', 'onFailure', 'objectRef'];

export function isTaken(kind: Kind, key: string): boolean {
  return TAKEN[kind].includes(key) || RESERVED.includes(key);
}

/** Throws a `Refusal` for anything but `source`, `filter` and `action`. */
export function readKind(kind: string | undefined): Kind {
  const known = KINDS.find((one) => one === kind);
  if (known !== undefined) return known;
  const what = kind === undefined ? '--kind is missing' : `--kind ${kind}: there is no such kind`;
  throw new Refusal(`${what}; say --kind action, --kind source or --kind filter`);
}

/** Throws a `Refusal` for what npm takes for no package name, and for names that rules could not use. */
export function namesFor(kind: Kind, packageName: string | undefined): Names {
  if (packageName === undefined)
    throw new Refusal('the name is missing; say for example: npm create kube-trigger-plugin my-slack -- --kind action');
  if (packageName.length > 100 || !/^(@[a-z0-9][a-z0-9-]*\/)?[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(packageName))
    throw new Refusal(
      `"${packageName}" cannot be the name; take lower-case words with "-" between them, such as my-slack or @acme/my-slack`,
    );
  const folder = packageName.replace(/^@.*\//, '');
  // What the package is called for npm's search says nothing in a rule.
  const words = folder
    .replace(/^kube-trigger-(plugin-)?/, '')
    .split('-')
    .filter((word) => word !== '');
  const type = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  const key = type.charAt(0).toLowerCase() + type.slice(1);
  if (!/^[a-z][A-Za-z0-9]{0,62}$/.test(key))
    throw new Refusal(
      `"${packageName}" leaves "${key}" for rules to call it by; take a name that begins with a letter, such as my-slack`,
    );
  if (isTaken(kind, key))
    throw new Refusal(
      `rules know ${article(kind)} "${key}" already; take another name, such as my-${folder} or acme-${folder}`,
    );
  return { packageName, folder, key, type, code: words.join('_').toUpperCase() };
}

export function article(kind: Kind): string {
  return kind === 'action' ? `an ${kind}` : `a ${kind}`;
}
