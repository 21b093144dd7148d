import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** At least one certificate, and each of them readable. Node.js takes anything else without a word and trusts nobody. */
export function isPem(text: string): boolean {
  const certificates = text.match(CERTIFICATE) ?? [];
  try {
    return certificates.length > 0 && certificates.every((pem) => new X509Certificate(pem).subject !== null);
  } catch {
    return false;
  }
}
