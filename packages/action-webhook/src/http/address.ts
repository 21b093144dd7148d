import { isIPv4, isIPv6 } from 'node:net';

/** What kind of a place an address is, as far as it decides whether a request may go there. */
export type AddressKind = 'ordinary' | 'loopback' | 'linkLocal' | 'unusable';

/** Who may be asked. Loopback is the operator's own pod; link-local is the node's and the cloud's metadata. */
export interface AddressPolicy {
  readonly loopback: boolean;
  readonly linkLocal: boolean;
}

/** IPv4 blocks; the first match counts. Metadata addresses outside 169.254/16 are those of clouds that have them there. */
const BLOCKS: readonly (readonly [block: string, kind: AddressKind])[] = [
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'linkLocal'],
  ['100.100.100.200/32', 'linkLocal'], // Alibaba Cloud
  ['168.63.129.16/32', 'linkLocal'], // Azure
  ['192.0.0.192/32', 'linkLocal'], // Oracle Cloud
  ['0.0.0.0/8', 'unusable'],
  ['224.0.0.0/4', 'unusable'], // multicast
  ['240.0.0.0/4', 'unusable'], // reserved, broadcast
];

const METADATA_V6 = new Set(['fd00:ec2:0:0:0:0:0:254', 'fd20:ce:0:0:0:0:0:254']); // AWS, Google

/**
 * Classifies an IP address as it is written or resolved, IPv4 inside IPv6 included (mapped, compatible, NAT64, 6to4). What is no
 * IP address is `unusable`.
 */
export function addressKind(address: string): AddressKind {
  const bare = address.replace(/%.*$/, '');
  if (isIPv4(bare)) return kindOfV4(bare);
  if (!isIPv6(bare)) return 'unusable';
  const words = wordsOf(bare);
  const [first = 0, second = 0] = words;
  const embedded = embeddedV4(words);
  if (embedded !== undefined) return kindOfV4(embedded);
  if (words.slice(0, 7).every((word) => word === 0)) return words[7] === 1 ? 'loopback' : 'unusable';
  if ((first & 0xffc0) === 0xfe80) return 'linkLocal';
  if (METADATA_V6.has(words.map((word) => word.toString(16)).join(':'))) return 'linkLocal';
  if ((first & 0xff00) === 0xff00) return 'unusable';
  // Teredo carries its target in a scrambled form; nothing in a cluster lives there.
  return first === 0x2001 && second === 0 ? 'unusable' : 'ordinary';
}

export interface Refusal {
  /** A clause without a subject. */
  readonly why: string;
  readonly fix: string;
}

const REFUSALS: Readonly<Record<Exclude<AddressKind, 'ordinary'>, { readonly what: string; readonly fix: string }>> = {
  loopback: { what: 'a loopback address', fix: "That is kube-trigger's own pod; name a Service or pods instead" },
  linkLocal: {
    what: 'a link-local or metadata address',
    fix: 'Set allowLinkLocal if it is meant, which whoever runs kube-trigger may overrule',
  },
  unusable: { what: 'which is no address of a single host', fix: 'Name one host' },
};

/** Why a request may not go there; undefined when it may. */
export function refusal(address: string, policy: AddressPolicy): Refusal | undefined {
  const kind = addressKind(address);
  if (kind === 'ordinary' || (kind !== 'unusable' && policy[kind])) return undefined;
  const { what, fix } = REFUSALS[kind];
  return { why: `leads to ${address}, ${what}`, fix };
}

function kindOfV4(address: string): AddressKind {
  const bits = bitsOf(address);
  for (const [block, kind] of BLOCKS) {
    const [base = '', length] = block.split('/');
    const shift = 32 - Number(length);
    if (Math.floor(bits / 2 ** shift) === Math.floor(bitsOf(base) / 2 ** shift)) return kind;
  }
  return 'ordinary';
}

function bitsOf(address: string): number {
  return address.split('.').reduce((bits, octet) => bits * 256 + Number(octet), 0);
}

/** The eight 16-bit words. The URL parser knows all ways to write them. */
function wordsOf(address: string): number[] {
  const { hostname } = new URL(`http://[${address}]/`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const numbers = (part: string | undefined) =>
    part === undefined || part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [before, after] = [numbers(head), numbers(tail)];
  if (tail === undefined) return before;
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

/** The IPv4 address that an IPv6 address leads to: `::ffff:0:0/96`, `::/96`, `64:ff9b::/96`, `2002::/16`. */
function embeddedV4(words: readonly number[]): string | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, high = 0, low = 0] = words;
  if (a === 0x2002) return dotted(b, c);
  const nat64 = a === 0x64 && b === 0xff9b && c + d + e + f === 0;
  const mapped = a + b + c + d + e === 0 && (f === 0xffff || (f === 0 && high !== 0));
  return nat64 || mapped ? dotted(high, low) : undefined;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
