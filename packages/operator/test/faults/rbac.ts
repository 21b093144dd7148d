import type { ClusterName, Fault, TestCluster } from '@kube-trigger/testing';
import type { FaultyNetwork } from './faulty-network.js';

type Withdrawn = 'configmaps' | 'statefulsets';

/** Rights of an operator that can be taken away and given back. */
export interface Grant {
  /** For the operator's kubeconfig; the rights are given along with it. Undefined: the administrator's. */
  readonly token: (namespace: string) => Promise<string>;
  withdraw(network: FaultyNetwork, what: Withdrawn): Promise<void>;
  restore(network: FaultyNetwork, what: Withdrawn): Promise<void>;
}

const RULES = {
  configmaps: { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] },
  statefulsets: { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get', 'list', 'watch', 'patch'] },
  own: { apiGroups: ['app.example.com'], resources: ['*'], verbs: ['*'] },
  events: { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
};

/** On the real API server a service account with a Role; the embedded one has no RBAC, so the proxy answers as it would. */
export function grant(cluster: TestCluster, server: ClusterName): Grant {
  return server === 'embedded' ? answeredByProxy(cluster) : new RoleGrant(cluster);
}

class RoleGrant implements Grant {
  constructor(private readonly cluster: TestCluster) {}

  readonly token = async (namespace: string): Promise<string> => {
    const token = await this.cluster.serviceAccountToken(namespace, 'kube-trigger');
    const base = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await this.#must('POST', `${base}/roles`, role());
    await this.#must('POST', `${base}/rolebindings`, {
      metadata: { name: 'kube-trigger' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'kube-trigger' },
      subjects: [{ kind: 'ServiceAccount', name: 'kube-trigger', namespace }],
    });
    return token;
  };

  withdraw({ namespace }: FaultyNetwork, what: Withdrawn): Promise<void> {
    return this.#put(namespace, role(what));
  }

  restore({ namespace }: FaultyNetwork): Promise<void> {
    return this.#put(namespace, role());
  }

  #put(namespace: string, body: object): Promise<void> {
    return this.#must('PUT', `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/kube-trigger`, body);
  }

  async #must(method: string, path: string, body: object): Promise<void> {
    const answer = await this.cluster.request(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  }
}

function role(without?: Withdrawn): object {
  const rules = Object.entries(RULES).flatMap(([name, rule]) => (name === without ? [] : [rule]));
  return { metadata: { name: 'kube-trigger' }, rules };
}

function answeredByProxy(cluster: TestCluster): Grant {
  const faults: Fault[] = [];
  const user = 'User "kube-trigger" cannot';
  return {
    token: () => Promise.resolve(cluster.token),
    withdraw: ({ proxy, namespace }, what) => {
      const [group, verbs] = what === 'configmaps' ? ['', ['list', 'watch']] : ['apps', ['get', 'patch']];
      const of = `resource "${what}" in API group "${group}" in the namespace "${namespace}"`;
      for (const verb of verbs) {
        const match = {
          path: new RegExp(`/namespaces/${namespace}/${what}`),
          ...(what === 'configmaps' ? { isWatch: verb === 'watch' } : { method: verb.toUpperCase() }),
        };
        faults.push(proxy.inject(match, { answer: 403, message: `${what} is forbidden: ${user} ${verb} ${of}` }));
      }
      return Promise.resolve();
    },
    restore: () => {
      for (const fault of faults.splice(0)) fault.remove();
      return Promise.resolve();
    },
  };
}
