import { isApiError } from './api-client.js';
import { type Cluster, fieldManager } from './cluster.js';

const rootCertificateName = 'kube-root-ca.crt';

/**
 * Gives each namespace what a real cluster gives it, and puts it back when it is deleted or changed: the ServiceAccount `default`
 * and the ConfigMap `kube-root-ca.crt` with the certificate that the API server is trusted by (empty when it has none: plain HTTP).
 */
export function startNamespaces(cluster: Cluster, rootCertificate: string): void {
  const data = { 'ca.crt': rootCertificate };
  const queue = cluster.queue('namespaces', async (name) => {
    const namespace = cluster.namespaces.get(name);
    if (namespace?.metadata.deletionTimestamp !== undefined || namespace === undefined) return;
    try {
      if (cluster.serviceAccounts.get(`${name}/default`) === undefined) {
        await cluster.serviceAccounts.create({ metadata: { name: 'default', namespace: name } }, fieldManager);
      }
      const published = cluster.rootCertificates.get(`${name}/${rootCertificateName}`);
      if (published === undefined) {
        await cluster.rootCertificates.create(
          { metadata: { name: rootCertificateName, namespace: name }, data },
          fieldManager,
        );
      } else if (published.data?.['ca.crt'] !== rootCertificate) {
        await cluster.rootCertificates.patch(published, { data }, fieldManager);
      }
    } catch (error) {
      // 403 and 404: the namespace is going. 409: made by another, which the watch will show.
      if (!isApiError(error, 403) && !isApiError(error, 404) && !isApiError(error, 409)) throw error;
    }
  });
  cluster.namespaces.onChange((current) => {
    if (current !== undefined) queue.add(current.metadata.name);
  });
  for (const resource of [cluster.serviceAccounts, cluster.rootCertificates]) {
    resource.onChange((current, previous) => {
      const namespace = (current ?? previous)?.metadata.namespace;
      if (namespace !== undefined) queue.add(namespace);
    });
  }
}
