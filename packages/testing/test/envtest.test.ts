import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Envtest, envtestWanted, startEnvtest } from '../src/envtest.js';

const WIDGETS = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.envtest.example.com}
spec:
  group: envtest.example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`;

describe.skipIf(!envtestWanted())('startEnvtest', () => {
  let plane: Envtest;
  beforeAll(async () => {
    plane = await startEnvtest({ crds: [WIDGETS] });
  });
  afterAll(() => plane?.stop());

  it('serves the definitions it was given', async () => {
    const { status, json } = await plane.client.request('GET', '/apis/envtest.example.com/v1/widgets');
    expect(status).toBe(200);
    expect(json.kind).toBe('WidgetList');
  });

  it('makes kubeconfigs of service accounts, who may do nothing yet', async () => {
    const kubeconfig = await plane.serviceAccountKubeconfig('default', 'robot');
    const token = /token: (\S+)/.exec(kubeconfig)?.[1];
    const answer = await plane.client.request('GET', '/api/v1/namespaces/default/configmaps', undefined, {
      authorization: `Bearer ${token}`,
    });
    expect(answer.status).toBe(403);
    expect(answer.json['message']).toContain(
      'User "system:serviceaccount:default:robot" cannot list resource "configmaps"',
    );
  });

  it('issues client certificates that the API server takes until they expire', async () => {
    const identity = await plane.clientCertificate({ commonName: 'ada', organization: 'system:masters' });
    const agent = new Agent({ connect: { ...identity, ca: plane.ca } });
    const answer = await request(`${plane.url}/api/v1/namespaces/default`, { dispatcher: agent });
    await answer.body.dump();
    expect(answer.statusCode).toBe(200);
    await agent.close();

    const expired = await plane.clientCertificate({ commonName: 'ada', validForMs: -1000 });
    const lateAgent = new Agent({ connect: { ...expired, ca: plane.ca } });
    const refused = await request(`${plane.url}/api/v1/namespaces/default`, { dispatcher: lateAgent });
    await refused.body.dump();
    expect(refused.statusCode).toBe(401);
    await lateAgent.close();
  });

  it('keeps address, token and objects when the API server is stopped and started', async () => {
    const { client, url } = plane;
    const made = await client.request('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'kept' } });
    await plane.stopApiserver('SIGKILL');
    await expect(client.request('GET', '/version')).rejects.toThrow('ECONNREFUSED');
    await plane.startApiserver();
    const { json } = await client.request('GET', '/api/v1/namespaces/default/configmaps/kept');
    expect(plane.url).toBe(url);
    expect(json.metadata.uid).toBe(made.json.metadata.uid);
  });

  it('compacts for real: a continue token from before answers 410', async () => {
    const path = '/api/v1/namespaces/kube-system/configmaps?limit=1';
    const names = ['one', 'two', 'three'];
    await Promise.all(
      names.map((name) =>
        plane.client.request('POST', '/api/v1/namespaces/kube-system/configmaps', { metadata: { name } }),
      ),
    );
    const page = await plane.client.request('GET', path);
    await plane.client.request('POST', '/api/v1/namespaces/kube-system/configmaps', { metadata: { name: 'four' } });
    expect(await plane.compact()).toBeGreaterThan(Number(page.json.metadata.resourceVersion));
    const next = await plane.client.request('GET', `${path}&continue=${page.json.metadata.continue}`);
    expect(next.status).toBe(410);
  });

  it('says what is missing in the folder', async () => {
    await expect(startEnvtest({ assets: '/nowhere' })).rejects.toThrow(
      'KUBEBUILDER_ASSETS=/nowhere has no executable etcd, kube-apiserver, kube-controller-manager',
    );
  });

  it('fails with the end of the log when the API server cannot start', async () => {
    await expect(startEnvtest({ controllers: false, apiserverArgs: ['--no-such-flag'] })).rejects.toThrow(
      /kube-apiserver ended \(exit code 1\) before all was ready:[^]*unknown flag: --no-such-flag/,
    );
  });
});
