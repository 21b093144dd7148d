import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOnClusters, eventually } from '@kube-trigger/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crashAnnotation, nodeName } from '../../src/controllers/index.js';
import { Bench, workload } from './bench.js';
import { installedKubectls, KubectlSession } from './kubectl.js';

const kubectls = installedKubectls();
if (kubectls.length === 0) console.warn('kubectl tests are skipped: none in KUBEBUILDER_ASSETS nor on the PATH');

const manifest = (kind: string, name: string, spec: object = {}) => ({
  apiVersion: 'apps/v1',
  kind,
  ...workload(name, spec),
});
const web = manifest('Deployment', 'web', { replicas: 2 });
const db = manifest('StatefulSet', 'db', { replicas: 2, serviceName: 'db' });
const agent = manifest('DaemonSet', 'agent');
const containers = (list: object[]) => ({ spec: { template: { spec: { containers: list } } } });
const settings = (data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data,
});

describeOnClusters('kubectl', (start) => {
  let bench: Bench;
  let home: string;
  beforeAll(async () => {
    bench = await Bench.start(start);
    home = await mkdtemp(join(tmpdir(), 'kubectl-home-'));
  });
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  });

  describe.for(kubectls)('$name', ({ path }) => {
    let kubectl: KubectlSession;
    beforeEach(async () => {
      await bench.renew();
      const kubeconfig = await bench.cluster.writeKubeconfig();
      kubectl = new KubectlSession(path, { kubeconfig, home, namespace: bench.namespace });
    });
    const apply = (input: unknown, ...args: string[]) => kubectl.ok(['apply', '-f', '-', ...args], { input });
    const status = (target: string) => kubectl.ok(['rollout', 'status', target, '--timeout=20s']);

    const images = () =>
      kubectl.ok(['get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[*].image}']);
    const patch = (type: string, body: unknown) =>
      kubectl.ok(['patch', 'deploy', 'web', `--type=${type}`, '-p', JSON.stringify(body)]);

    it('applies: created, unchanged, configured, and drops what is no longer there', async () => {
      expect(await apply(settings({ a: '1', b: '2' }))).toBe('configmap/settings created\n');
      expect(await apply(settings({ a: '1', b: '2' }))).toBe('configmap/settings unchanged\n');
      expect(await apply(settings({ a: '2' }))).toBe('configmap/settings configured\n');
      expect(await kubectl.ok(['get', 'cm', 'settings', '-o', 'jsonpath={.data}'])).toBe('{"a":"2"}');
      expect(await apply(web)).toBe('deployment.apps/web created\n');
      expect(await apply(web)).toBe('deployment.apps/web unchanged\n');
    });

    it('applies on the server, and names the manager of a field that it does not own', async () => {
      expect(await apply(settings({ a: '1' }), '--server-side')).toBe('configmap/settings serverside-applied\n');
      await kubectl.ok([
        'patch',
        'cm',
        'settings',
        '--type=merge',
        '-p',
        '{"data":{"a":"2"}}',
        '--field-manager=other',
      ]);
      const refused = await kubectl.run(['apply', '--server-side', '-f', '-'], { input: settings({ a: '3' }) });
      expect(refused.code).not.toBe(0);
      expect(refused.err).toContain('conflict with "other"');
      expect(refused.err).toContain('.data.a');
      await apply(settings({ a: '3' }), '--server-side', '--force-conflicts');
      expect(await kubectl.ok(['get', 'cm', 'settings', '-o', 'jsonpath={.data.a}'])).toBe('3');
      expect(await apply(web, '--server-side')).toBe('deployment.apps/web serverside-applied\n');
      await status('deployment/web');
    });

    it('prints tables', async () => {
      await apply(web);
      await status('deployment/web');
      const [head, row] = (await kubectl.ok(['get', 'deployments'])).split('\n');
      expect(head?.split(/\s+/)).toEqual(['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE']);
      expect(row).toMatch(/^web +2\/2 +2 +2 +\d+s$/);
      expect(await kubectl.ok(['get', 'pods', '--no-headers'])).toMatch(/^web-\S+ +1\/1 +Running +0 +\d+s\n/);
      expect(await kubectl.ok(['get', 'deploy', 'web', '-o', 'wide'])).toMatch(
        /CONTAINERS +IMAGES +SELECTOR\n.* main +example:1 +app=web\n/,
      );
      expect(await kubectl.ok(['get', 'pods', '-l', 'app=web', '-o', 'name'])).toMatch(/^(pod\/web-\S+\n){2}$/);
      expect(await kubectl.ok(['get', 'nodes', '--no-headers'])).toMatch(/^devcluster-node +Ready /);
      const missing = await kubectl.run(['get', 'deploy', 'nope']);
      expect(missing).toMatchObject({
        code: 1,
        err: 'Error from server (NotFound): deployments.apps "nope" not found\n',
      });
    });

    it('describes a Deployment with its conditions and events', async () => {
      await apply(web);
      await status('deployment/web');
      const text = await eventually(async () => {
        const now = await kubectl.ok(['describe', 'deployment', 'web']);
        return now.includes('ScalingReplicaSet') && now;
      });
      expect(text).toMatch(/Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable/);
      expect(text).toMatch(/Available +True +MinimumReplicasAvailable/);
      expect(text).toMatch(/NewReplicaSet: +web-\w+ \(2\/2 replicas created\)/);
      expect(await kubectl.ok(['describe', 'pods', '-l', 'app=web'])).toMatch(/Node: +devcluster-node/);
    });

    it('edits', async () => {
      await apply(settings({ a: '1' }));
      const edited = await kubectl.ok(['edit', 'cm', 'settings'], { editor: `sed -i 's/a: "1"/a: "edited"/'` });
      expect(edited).toBe('configmap/settings edited\n');
      expect(await kubectl.ok(['get', 'cm', 'settings', '-o', 'jsonpath={.data.a}'])).toBe('edited');
    });

    it('patches in each of the three ways', async () => {
      await apply(web);
      await patch('strategic', containers([{ name: 'side', image: 'side:1' }]));
      expect(await images()).toBe('side:1 example:1');
      await patch('json', [{ op: 'replace', path: '/spec/template/spec/containers/1/image', value: 'example:2' }]);
      expect(await images()).toBe('side:1 example:2');
      await patch('merge', containers([{ name: 'main', image: 'example:3' }]));
      expect(await images()).toBe('example:3');
      expect(await patch('merge', { spec: { replicas: 2 } })).toBe('deployment.apps/web patched (no change)\n');
    });

    it('labels and annotates, and refuses to overwrite without being told to', async () => {
      await apply(settings({}));
      expect(await kubectl.ok(['label', 'cm', 'settings', 'tier=one'])).toBe('configmap/settings labeled\n');
      const refused = await kubectl.run(['label', 'cm', 'settings', 'tier=two']);
      expect(refused.err).toContain("'tier' already has a value (one), and --overwrite is false");
      await kubectl.ok(['label', 'cm', 'settings', 'tier=two', '--overwrite']);
      expect(await kubectl.ok(['get', 'cm', '-l', 'tier in (two,three)', '-o', 'name'])).toBe('configmap/settings\n');
      await kubectl.ok(['annotate', 'cm', 'settings', 'note=x']);
      await kubectl.ok(['annotate', 'cm', 'settings', 'note-']);
      expect(await kubectl.ok(['get', 'cm', 'settings', '-o', 'jsonpath={.metadata.annotations.note}'])).toBe('');
    });

    it('watches', async () => {
      await apply(settings({ a: '1' }));
      const watch = kubectl.start(['get', 'cm', 'settings', '-w', '--no-headers', '-o', 'custom-columns=A:.data.a']);
      try {
        await eventually(() => watch.output() === '1\n');
        await apply(settings({ a: '2' }));
        await eventually(() => watch.output() === '1\n2\n');
      } finally {
        watch.child.kill();
      }
      expect(watch.output()).toBe('1\n2\n');
    });

    it('deletes and waits until the object is gone', async () => {
      await apply(web);
      await status('deployment/web');
      const pod = (await kubectl.ok(['get', 'pods', '-o', 'name'])).split('\n')[0] ?? '';
      expect(await kubectl.ok(['delete', pod, '--timeout=20s'])).toMatch(/^pod "web-\S+" deleted/);
      expect((await kubectl.run(['get', pod])).err).toContain('(NotFound)');
      expect(await kubectl.ok(['delete', 'deploy', 'web', '--timeout=20s'])).toMatch(/^deployment.apps "web" deleted/);
      expect(await kubectl.ok(['get', 'deploy', 'web', '--ignore-not-found'])).toBe('');
    });

    it('lists the resources of the API', async () => {
      const apps = await kubectl.ok(['api-resources', '--api-group=apps', '-o', 'name']);
      const names = apps
        .trim()
        .split('\n')
        .toSorted((a, b) => a.localeCompare(b));
      expect(names).toEqual(
        ['controllerrevisions', 'daemonsets', 'deployments', 'replicasets', 'statefulsets'].map(
          (name) => `${name}.apps`,
        ),
      );
      const namespaced = await kubectl.ok(['api-resources', '--namespaced=false', '-o', 'name']);
      expect(namespaced.split('\n')).toEqual(expect.arrayContaining(['namespaces', 'nodes']));
    });

    it('scales, and waits for a condition', async () => {
      await apply(web);
      expect(await kubectl.ok(['scale', 'deploy/web', '--replicas=3'])).toBe('deployment.apps/web scaled\n');
      expect(await kubectl.ok(['wait', '--for=condition=Available', 'deploy/web', '--timeout=20s'])).toBe(
        'deployment.apps/web condition met\n',
      );
      await status('deployment/web');
      expect(await kubectl.ok(['get', 'deploy', 'web', '-o', 'jsonpath={.status.readyReplicas}'])).toBe('3');
      const refused = await kubectl.run(['scale', 'deploy/web', '--current-replicas=7', '--replicas=1']);
      expect(refused.code).not.toBe(0);
      await apply(db);
      await kubectl.ok(['scale', 'sts/db', '--replicas=1']);
      await status('sts/db');
      await kubectl.ok(['wait', '--for=condition=Ready', 'pod', '-l', 'app=web', '--timeout=20s']);
    });

    it.for([
      ['deployment/web', web, 'deployment "web" successfully rolled out'],
      ['statefulset/db', db, 'partitioned roll out complete: 2 new pods have been updated'],
      ['daemonset/agent', agent, 'daemon set "agent" successfully rolled out'],
    ] as const)('rolls %s out, restarts it, shows its history and undoes', async ([target, body, done]) => {
      await apply(body);
      expect(await status(target)).toContain(done);
      const history = async () =>
        (await kubectl.ok(['rollout', 'history', target]))
          .split('\n')
          .filter((line) => /^\d/.test(line))
          .map((line) => line.split(' ')[0]);
      const restartedAt = () =>
        kubectl.ok([
          'get',
          target,
          '-o',
          'jsonpath={.spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt}',
        ]);
      expect(await history()).toEqual(['1']);
      expect(await kubectl.ok(['rollout', 'restart', target])).toMatch(/ restarted\n$/);
      expect(await status(target)).toContain(done);
      expect(await restartedAt()).not.toBe('');
      expect(await history()).toEqual(['1', '2']);
      expect(await kubectl.ok(['rollout', 'history', target, '--revision=2'])).toMatch(/Image:\s+example:1/);
      expect(await kubectl.ok(['rollout', 'undo', target])).toMatch(/ rolled back\n$/);
      expect(await status(target)).toContain(done);
      expect(await restartedAt()).toBe('');
      expect(await history()).toEqual(['2', '3']);
      expect(await kubectl.ok(['rollout', 'undo', target, '--to-revision=3'])).toContain(
        'skipped rollback (current template already matches revision 3)',
      );
      await kubectl.ok(['rollout', 'undo', target, '--to-revision=2']);
      expect(await status(target)).toContain(done);
      expect(await restartedAt()).not.toBe('');
    });

    it('pauses and resumes a rollout', async () => {
      await apply(web);
      await status('deployment/web');
      await kubectl.ok(['rollout', 'restart', 'deployment/web']);
      await status('deployment/web');
      await kubectl.ok(['rollout', 'pause', 'deployment/web']);
      await kubectl.ok(['set', 'image', 'deployment/web', 'main=example:2']);
      const refused = await kubectl.run(['rollout', 'undo', 'deployment/web']);
      expect(refused.err).toContain('paused');
      await kubectl.ok(['rollout', 'resume', 'deployment/web']);
      await status('deployment/web');
      const running = await kubectl.ok(['get', 'pods', '-o', 'jsonpath={.items[*].spec.containers[0].image}']);
      expect(new Set(running.split(' '))).toEqual(new Set(['example:2']));
    });

    it('drains the node as far as a disruption budget allows', async () => {
      const budget = (minAvailable: number) => ({
        apiVersion: `policy/${bench.policyVersion}`,
        kind: 'PodDisruptionBudget',
        metadata: { name: 'web' },
        spec: { minAvailable, selector: { matchLabels: { app: 'web' } } },
      });
      const allows = (pods: number) => async () =>
        (await kubectl.ok(['get', 'pdb', 'web', '-o', 'jsonpath={.status.disruptionsAllowed}'])) === String(pods);
      await apply(web);
      await status('deployment/web');
      await apply(budget(2));
      await eventually(allows(0));
      const drain = (seconds: number) =>
        kubectl.run(['drain', nodeName, '--pod-selector=app=web', '--ignore-daemonsets', `--timeout=${seconds}s`]);
      const refused = await drain(2);
      expect(refused.err).toContain("Cannot evict pod as it would violate the pod's disruption budget.");
      await kubectl.ok(['patch', 'pdb', 'web', '--type=merge', '-p', '{"spec":{"minAvailable":1}}']);
      await eventually(allows(1));
      expect((await drain(25)).out).toMatch(/pod\/web-\S+ evicted/);
      await kubectl.ok(['uncordon', nodeName]);
    });

    it('says that a rollout is stuck', async () => {
      await apply({ ...web, spec: { ...web.spec, progressDeadlineSeconds: 2 } });
      await status('deployment/web');
      await patch('merge', { spec: { template: { metadata: { annotations: { [crashAnnotation]: 'true' } } } } });
      const stuck = await kubectl.run(['rollout', 'status', 'deployment/web', '--timeout=20s']);
      expect(stuck.code).toBe(1);
      expect(stuck.err).toContain('exceeded its progress deadline');
      expect(await kubectl.ok(['get', 'pods'])).toMatch(/0\/1 +CrashLoopBackOff/);
      await kubectl.ok(['rollout', 'undo', 'deployment/web']);
      await status('deployment/web');
    });
  });
});
