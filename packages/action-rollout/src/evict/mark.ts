/**
 * What a rule writes on a workload before it evicts the first pod, and cuts down to `revision` and `delivery` after the last one. The
 * pods that are to go are named once, so that whoever reads it, however often and in whichever process, comes to the same ones.
 */
export interface Mark {
  /** Of which these pods are the old ones, whichever key's delivery asks; undefined where that holds for this delivery only. */
  readonly revision: string | undefined;
  /** The id of the delivery, which outlives the process: the combined revision moves on when another key's delivery begins. */
  readonly delivery: string;
  /** Undefined once all were replaced. */
  readonly replacing: Replacing | undefined;
}

export interface Replacing {
  /** How many pods there were, for kinds that do not say how many they want. */
  readonly pods: number;
  /** Beginnings of the uids of those that are to be replaced. */
  readonly old: ReadonlySet<string>;
}

/** Random hexadecimal digits of a uid: of 5,000 pods and their replacements two are equal once in ten million rollouts. */
const DIGITS = 12;

export function shortUid(uid: string): string {
  return uid.replaceAll('-', '').slice(0, DIGITS);
}

/** `<revision> <delivery>` or `<revision> <delivery> replacing <pods>: <uid> <uid> …`; `-` where there is no revision. */
export function markText({ revision, delivery, replacing }: Mark): string {
  const done = `${revision ?? NONE} ${delivery}`;
  return replacing === undefined ? done : `${done} replacing ${replacing.pods}: ${[...replacing.old].join(' ')}`;
}

const NONE = '-';
const MARK = /^(\S+) (\S+)(?: replacing (\d+):((?: \S+)*))?$/;

/** Undefined for what another strategy wrote, or nobody. */
export function parseMark(text: string | undefined): Mark | undefined {
  const [, revision, delivery, pods, old] = MARK.exec(text ?? '') ?? [];
  if (revision === undefined || delivery === undefined) return undefined;
  const uids = old?.split(' ').filter((uid) => uid !== '');
  return {
    revision: revision === NONE ? undefined : revision,
    delivery,
    replacing: uids === undefined ? undefined : { pods: Number(pods), old: new Set(uids) },
  };
}

/** Whether these are the pods that a delivery is to replace. */
export function isFor(
  { revision, delivery }: Mark,
  asked: { readonly id: string; readonly revision: string },
): boolean {
  return delivery === asked.id || revision === asked.revision;
}
