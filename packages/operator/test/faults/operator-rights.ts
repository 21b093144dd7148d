import type { TestCluster } from '@kube-trigger/testing';

type Resource = 'configmaps' | 'statefulsets';

const RULES = {
  configmaps: { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] },
  statefulsets: { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get', 'list', 'watch', 'patch'] },
  own: { apiGroups: ['app.example.com'], resources: ['*'], verbs: ['*'] },
  events: { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
};

/** The service account of an operator, whose Role in one namespace can be narrowed and widened again. */
export class OperatorRights {
  constructor(private readonly cluster: TestCluster) {}

  /** For the operator's kubeconfig; the rights are given along with it. */
  readonly token = async (namespace: string): Promise<string> => {
    const token = await this.cluster.serviceAccountToken(namespace, 'kube-trigger');
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await this.#must('POST', `${rbac}/roles`, role());
    await this.#must('POST', `${rbac}/rolebindings`, {
      metadata: { name: 'kube-trigger' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'kube-trigger' },
      subjects: [{ kind: 'ServiceAccount', name: 'kube-trigger', namespace }],
    });
    return token;
  };

  withdraw(namespace: string, resource: Resource): Promise<void> {
    return this.#put(namespace, role(resource));
  }

  restore(namespace: string): Promise<void> {
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

function role(without?: Resource): object {
  const rules = Object.entries(RULES).flatMap(([name, rule]) => (name === without ? [] : [rule]));
  return { metadata: { name: 'kube-trigger' }, rules };
}
