import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createCertificateAuthority } from '@kube-trigger/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TriggerError } from '@kube-trigger/core';
import { impersonate, inClusterAuth, isInCluster, kubeconfigAuth, staticAuth } from '../src/index.js';
import { eventually, testClient } from './support/harness.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kube-auth-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function faultOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: TriggerError) => `${error.code}: ${error.explanation}`,
  );
}

describe('inClusterAuth', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '6443' };
  let now = 0;

  beforeEach(async () => {
    now = 0;
    await mount('token', 'first\n');
    await mount('ca.crt', 'CA');
    await mount('namespace', 'kube-trigger\n');
  });

  const mount = (file: string, text: string): Promise<void> => writeFile(join(dir, file), text);
  const auth = () => inClusterAuth({ directory: dir, env, monotonicMs: () => now });

  it('reads server, token, authority and namespace', async () => {
    expect(await auth().credentials()).toEqual({
      server: 'https://10.0.0.1:6443',
      headers: { authorization: 'Bearer first' },
      tls: { ca: 'CA' },
    });
    expect(await auth().namespace()).toBe('kube-trigger');
    const v6 = inClusterAuth({ directory: dir, env: { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' } });
    expect((await v6.credentials()).server).toBe('https://[fd00::1]:6443');
  });

  it('reads a rotated token within a minute, at once after a 401, and keeps the TLS material when it is the same', async () => {
    const identity = auth();
    const before = await identity.credentials();
    await mount('token', 'second');
    now = 59_999;
    expect((await identity.credentials()).headers).toEqual({ authorization: 'Bearer first' });
    now = 60_000;
    const after = await identity.credentials();
    expect(after.headers).toEqual({ authorization: 'Bearer second' });
    expect(after.tls).toBe(before.tls);
    await mount('token', 'third');
    await mount('ca.crt', 'CA2');
    await identity.reload();
    expect(await identity.credentials()).toMatchObject({
      headers: { authorization: 'Bearer third' },
      tls: { ca: 'CA2' },
    });
  });

  it('says what is missing', async () => {
    expect(await faultOf(inClusterAuth({ directory: dir, env: {} }).credentials())).toContain('does not run in a pod');
    await rm(join(dir, 'token'));
    expect(await faultOf(auth().credentials())).toMatch(
      /^KT_KUBE_AUTH: cannot read .*token.*automountServiceAccountToken/,
    );
    expect([isInCluster(env), isInCluster({})]).toEqual([true, false]);
  });
});

describe('kubeconfigAuth', () => {
  interface Parts {
    user?: object;
    cluster?: object;
    server?: string;
  }

  // JSON is YAML.
  async function kubeconfig({
    user = { token: 't' },
    cluster = {},
    server = 'https://127.0.0.1:1',
  }: Parts = {}): Promise<string> {
    const path = join(dir, 'config');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server, ...cluster } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'main', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
      'current-context': 'main',
    };
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  it('reads server, token, authority and namespace', async () => {
    const ca = Buffer.from('CA').toString('base64');
    const auth = kubeconfigAuth({
      path: await kubeconfig({ cluster: { 'certificate-authority-data': ca, 'tls-server-name': 'api' } }),
    });
    expect(await auth.credentials()).toMatchObject({
      server: 'https://127.0.0.1:1',
      headers: { authorization: 'Bearer t' },
      tls: { ca: Buffer.from('CA'), servername: 'api' },
    });
    expect(await auth.namespace()).toBe('shop');
  });

  it('takes a plain http server, basic credentials and impersonation', async () => {
    const user = { username: 'me', password: 'pw', as: 'somebody' };
    const auth = kubeconfigAuth({ path: await kubeconfig({ user, server: 'http://127.0.0.1:1' }) });
    expect((await auth.credentials()).headers).toEqual({
      authorization: `Basic ${Buffer.from('me:pw').toString('base64')}`,
      'impersonate-user': 'somebody',
    });
  });

  it('runs an exec plugin once, and again after a 401', async () => {
    const script = join(dir, 'plugin.mjs');
    await writeFile(
      script,
      `import { appendFileSync, readFileSync } from 'node:fs';
       const runs = ${JSON.stringify(join(dir, 'runs'))};
       appendFileSync(runs, 'x');
       const token = 'run-' + readFileSync(runs, 'utf8').length;
       console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } }));`,
    );
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: [script] };
    const auth = kubeconfigAuth({ path: await kubeconfig({ user: { exec } }) });
    const asked = await Promise.all([auth.credentials(), auth.credentials(), auth.credentials()]);
    expect(asked.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer run-1',
      'Bearer run-1',
      'Bearer run-1',
    ]);
    await auth.reload();
    expect((await auth.credentials()).headers).toEqual({ authorization: 'Bearer run-2' });
  });

  it('gives up an exec plugin that hangs', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sleep', args: ['2'] };
    const auth = kubeconfigAuth({ path: await kubeconfig({ user: { exec } }), timeoutMs: 50 });
    expect(await faultOf(auth.credentials())).toMatch(/^KT_KUBE_AUTH: .*no credentials within 50 ms/);
  });

  const execOf = (script: string) => ({
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: ['--eval', script],
  });

  it.each([
    ['a line that is indented wrongly', 'token: s3cr3t\n   password: s3cr3t'],
    ['what looks like an alias', 'token: *s3cr3t'],
    ['what looks like a tag', 'token: !s3cr3t x'],
    ['a quote that is not closed', 'token: "s3cr3t'],
  ])('names the line of a file that is not YAML, and quotes nothing of it: %s', async (_, user) => {
    const path = join(dir, 'config');
    await writeFile(path, `apiVersion: v1\nusers:\n- name: u\n  user:\n    ${user}\n`);
    const fault = await faultOf(kubeconfigAuth({ path }).credentials());
    expect(fault).toMatch(/^KT_KUBE_AUTH: cannot use kubeconfig .*config: it is not YAML \(line \d\)/);
    expect(fault).not.toContain('s3cr3t');
  });

  it.each([
    ['prints no JSON', 'console.log("s3cr3t")', 'an exec plugin or identity provider answered with what is not JSON'],
    ['fails', 'console.error("log in first\\ns3cr3t"); process.exit(1)', 'log in first'],
    ['fails without a word', 'process.exit(1)', 'unknown reason'],
  ])('says why an exec plugin is of no use that %s, and not what it printed', async (_, script, why) => {
    const path = await kubeconfig({ user: { exec: execOf(script) } });
    const fault = await faultOf(kubeconfigAuth({ path }).credentials());
    expect(fault).toBe(`KT_KUBE_AUTH: cannot use kubeconfig ${path}: ${why}`);
  });

  it('says what is wrong with the file, and works as soon as it is right', async () => {
    const path = join(dir, 'config');
    const auth = kubeconfigAuth({ path });
    expect(await faultOf(auth.credentials())).toMatch(/^KT_KUBE_AUTH: cannot use kubeconfig .*config: ENOENT/);
    await kubeconfig();
    expect(await faultOf(auth.credentials())).toBe('no error');
    expect(await faultOf(kubeconfigAuth({ path, context: 'other' }).credentials())).toMatch(
      /no context "other".*Its contexts: main/,
    );
    await kubeconfig({ user: { token: 't', as: 'somebody', 'as-groups': ['admins'] } });
    expect(await faultOf(kubeconfigAuth({ path }).credentials())).toMatch(
      /user u sets as-groups, which is not supported/,
    );
    await kubeconfig({ cluster: { 'proxy-url': 'http://proxy:3128' } });
    expect(await faultOf(kubeconfigAuth({ path }).credentials())).toContain('proxy-url, which is not supported');
  });
});

describe('a client certificate that is replaced on disk', () => {
  let server: Server;
  let subjects: string[];

  beforeEach(() => {
    subjects = [];
  });
  afterEach(() => server.close());

  it('is used for new connections, without a restart', async () => {
    const authority = await createCertificateAuthority();
    const host = await authority.issue({ commonName: 'api', hosts: ['127.0.0.1'] });
    server = createServer(
      { ...host, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        subjects.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
        response.end('{}');
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const install = async (commonName: string): Promise<void> => {
      const pair = await authority.issue({ commonName });
      await writeFile(join(dir, 'cert'), pair.cert);
      await writeFile(join(dir, 'key'), pair.key);
    };
    await install('old');
    const path = join(dir, 'config');
    const cluster = {
      server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      'certificate-authority-data': Buffer.from(authority.cert).toString('base64'),
    };
    await writeFile(
      path,
      JSON.stringify({
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user: { 'client-certificate': 'cert', 'client-key': 'key' } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    await using kube = testClient('', { auth: kubeconfigAuth({ path }) });
    const ask = () => kube.client.request({ path: '/version' });
    await ask();
    await ask();
    expect(subjects).toEqual(['old', 'old']);
    await install('new');
    await eventually(async () => {
      await ask();
      return subjects.at(-1) === 'new';
    }, 6_000);
  });
});

describe('impersonate', () => {
  it('adds the header to the same login', async () => {
    const auth = impersonate(staticAuth({ server: 'https://x', token: 't' }), 'system:serviceaccount:shop:deployer');
    expect((await auth.credentials()).headers).toEqual({
      authorization: 'Bearer t',
      'impersonate-user': 'system:serviceaccount:shop:deployer',
    });
  });
});
