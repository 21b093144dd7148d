import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createCertificateAuthority } from '../src/pki.js';

describe('createCertificateAuthority', () => {
  it('issues server certificates that name their hosts and are signed by it', async () => {
    const authority = await createCertificateAuthority('a test authority');
    const { cert, key } = await authority.issue({ commonName: 'server', hosts: ['127.0.0.1', 'localhost'] });
    const issued = new X509Certificate(cert);
    const root = new X509Certificate(authority.cert);
    expect(root.ca).toBe(true);
    expect(root.subject).toBe('CN=a test authority');
    expect(issued.verify(root.publicKey)).toBe(true);
    expect(issued.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(issued.checkHost('localhost')).toBe('localhost');
    expect(issued.checkHost('example.com')).toBeUndefined();
    expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });

  it('issues client certificates whose organization is the Kubernetes group, with the asked lifetime', async () => {
    const authority = await createCertificateAuthority();
    const { cert } = await authority.issue({ commonName: 'ada', organization: 'admins', validForMs: 60_000 });
    const issued = new X509Certificate(cert);
    expect(issued.subject).toBe('O=admins\nCN=ada');
    expect(issued.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(Date.parse(issued.validTo)).toBeLessThanOrEqual(Date.now() + 60_000);
  });
});
