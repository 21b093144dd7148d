// tsyringe, which @peculiar/x509 is built on, refuses to load without it.
import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type GeneralNameType,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Who a certificate is for. `hosts` (DNS names or IP addresses) make it a server's, none make it a client's. */
export interface CertificateRequest {
  readonly commonName: string;
  /** Kubernetes reads a client's groups from here. */
  readonly organization?: string;
  readonly hosts?: readonly string[];
  /** When it stops being valid, as milliseconds from now. Default: one day. */
  readonly validForMs?: number;
}

/** A throwaway certificate authority: P-256 keys, in memory only. */
export interface CertificateAuthority {
  /** The authority's own certificate (PEM), for clients to trust. */
  readonly cert: string;
  /** PEM. kube-controller-manager wants it to sign certificate requests. */
  readonly key: string;
  issue(request: CertificateRequest): Promise<KeyPair>;
}

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

export async function createCertificateAuthority(commonName = 'kube-trigger-test-ca'): Promise<CertificateAuthority> {
  const keys = await ecKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(DAY_MS),
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature, true),
    ],
  });

  return {
    cert: certificate.toString('pem'),
    key: await privateKeyPem(keys.privateKey),
    issue: async (request) => {
      const own = await ecKeys();
      const issued = await X509CertificateGenerator.create({
        ...validity(request.validForMs ?? DAY_MS),
        subject: subjectOf(request),
        issuer: certificate.subjectName,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: EC,
        extensions: extensionsOf(request),
      });
      return { cert: issued.toString('pem'), key: await privateKeyPem(own.privateKey) };
    },
  };
}

/** What an API server signs and checks service account tokens with. RSA, because every client library can check RS256. */
export function createTokenSigningKey(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
}

function subjectOf({ commonName, organization }: CertificateRequest): Record<string, string[]>[] {
  return [...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [commonName] }];
}

function extensionsOf({ hosts = [] }: CertificateRequest) {
  const usage = hosts.length > 0 ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  const names = hosts.map((host) => ({ type: (isIP(host) ? 'ip' : 'dns') as GeneralNameType, value: host }));
  return [
    new ExtendedKeyUsageExtension([usage]),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

/** Begins an hour early, so that two clocks need not agree. */
function validity(forMs: number) {
  const now = Date.now();
  return {
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + forMs),
  };
}

async function ecKeys() {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{1,64}/g, '$&\n')}-----END PRIVATE KEY-----\n`;
}
