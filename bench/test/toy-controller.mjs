// The simplest controller that rolls Deployments when a ConfigMap of theirs changes: it lists all of them for each change. What the tests start
// as "the peer" to see that the benchmarks measure controllers that know nothing of kube-trigger.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const kubeconfig = readFileSync(process.env.KUBECONFIG, 'utf8');
const [server, token, ca] = ['server', 'token', 'certificate-authority-data'].map(
  (field) => new RegExp(`${field}: "?([^"\\s]+)`).exec(kubeconfig)?.[1],
);
const namespace = process.env.KUBERNETES_NAMESPACE;
const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;

const seen = new Map();
const list = await get(configMaps);
for (const { metadata, data } of list.items) seen.set(metadata.name, digest(data));

const watch = await send('GET', `${configMaps}?watch=true&resourceVersion=${list.metadata.resourceVersion}`);
for await (const line of createInterface({ input: watch })) {
  const { object } = JSON.parse(line);
  const { name } = object.metadata;
  if (seen.get(name) === digest(object.data)) continue;
  seen.set(name, digest(object.data));
  const { items } = await get(deployments);
  await Promise.all(items.filter((item) => uses(item, name)).map((item) => roll(item, digest(object.data))));
}

function uses({ metadata, spec }, name) {
  if (metadata.annotations?.['reloader.stakater.com/auto'] !== 'true') return false;
  return spec.template.spec.containers.some(({ envFrom = [] }) =>
    envFrom.some(({ configMapRef }) => configMapRef?.name === name),
  );
}

async function roll({ metadata }, revision) {
  const body = { spec: { template: { metadata: { annotations: { revision } } } } };
  await text(await send('PATCH', `${deployments}/${metadata.name}`, body));
}

async function get(path) {
  return JSON.parse(await text(await send('GET', path)));
}

/** Resolves with the answer, whose body is yet to be read. */
function send(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/merge-patch+json' }),
    };
    const options = { method, headers, ...(ca === undefined ? {} : { ca: Buffer.from(ca, 'base64') }) };
    const { request } = server.startsWith('https:') ? https : http;
    request(server + path, options, resolve)
      .on('error', reject)
      .end(body && JSON.stringify(body));
  });
}

function digest(data) {
  return createHash('sha256')
    .update(JSON.stringify(data ?? {}))
    .digest('hex')
    .slice(0, 16);
}
