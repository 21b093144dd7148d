/** A URL that a request may go to, or what is wrong with it (a clause that never quotes it: it may be a secret). */
export type ParsedUrl =
  | { readonly url: URL; readonly issue?: undefined }
  | { readonly issue: string; readonly url?: undefined };

const MAX_LENGTH = 2048;

export function parseWebUrl(text: string): ParsedUrl {
  if (text.length > MAX_LENGTH) return { issue: `is longer than ${MAX_LENGTH} characters` };
  // The parser would drop them without a word.
  if (/[\t\n\r]/.test(text) || text.trim() !== text) return { issue: 'has white space; remove it' };
  if (!URL.canParse(text)) return { issue: 'is not a URL; write http(s)://host[:port]/path' };
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return { issue: `has the scheme "${url.protocol.slice(0, -1)}"; only http and https are spoken` };
  }
  if (!/^https?:\/\//i.test(text)) return { issue: 'is not written in full; write http(s)://host[:port]/path' };
  if (url.username !== '' || url.password !== '') {
    return { issue: 'has a user name or password; put them into headers[] with valueFrom.secretKeyRef' };
  }
  if (url.hash !== '' || text.includes('#')) return { issue: 'has a fragment (#…), which is never sent; remove it' };
  if (url.port === '0') return { issue: 'has port 0; ports are 1 to 65535' };
  return { url };
}

/** What may be shown of a URL. Its query may hold a token. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** The host as a socket takes it: an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
