const SOURCES: readonly object[] = [
  { objectRef: { kind: 'ConfigMap', name: 'cm' } },
  { objectRef: { apiVersion: 'v1', kind: 'Secret', name: 'tls', namespace: 'certs' } },
  { configMap: {} },
  { configMap: { name: 'cm' } },
  { configMap: { selector: { matchLabels: { a: 'b' } }, namespace: 'other' }, name: 'all' },
  { secret: { name: 'tls' } },
  { secret: { namespace: 'other' } },
  { resource: { apiVersion: 'v1', kind: 'Pod', selector: { matchLabels: { a: 'b' } } } },
  { resource: { apiVersion: 'v1', kind: 'Node', name: 'n' } },
  { resource: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'other' } },
  { resource: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' } },
];
export const TIMERS: readonly object[] = [{ timer: { every: '1h' } }];
export const keyOf = (name: string) => ({ secretKeyRef: { name, key: 'k' } });
const ACTIONS: readonly object[] = [
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob'].map((kind) => ({
    updatePodTemplate: { objectRef: { kind, name: 'web' } },
  })),
  { updatePodTemplate: { objectRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'front' } } },
  { updatePodTemplate: { selector: { kind: 'StatefulSet', matchLabels: { a: 'b' } } } },
  { updatePodTemplate: { selector: { kind: 'CronJob', namespace: 'front' } } },
  { updatePodTemplate: { referencing: true } },
  { updatePodTemplate: { referencing: true, kinds: [{ kind: 'CronJob' }, { kind: 'Deployment' }] } },
  { updatePodTemplate: { objectRef: { kind: 'StatefulSet', name: 'db', namespace: 'data' }, strategy: 'evict' } },
  { updatePodTemplate: { referencing: true, strategy: 'evict' } },
  { updatePodTemplate: { objectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web-0' }, strategy: 'evict' } },
  { updatePodTemplate: { selector: { kind: 'Pod', matchLabels: { a: 'b' } }, strategy: 'evict' } },
  { exec: { selector: {}, command: ['true'] } },
  { exec: { name: 'web-0', namespace: 'other', command: ['true'] } },
  { exec: { objectRef: { kind: 'DaemonSet', name: 'agent' }, command: ['true'] } },
  { exec: { selector: {}, command: ['true'], waitForMount: {} } },
  { webhook: { url: 'https://example.com' } },
  { webhook: { pods: { selector: {}, port: 80 }, waitForMount: {} } },
  { webhook: { pods: { selector: {}, port: 80 }, waitForMount: { afterSeconds: 60 } } },
  { webhook: { serviceRef: { name: 'app', port: 80 } } },
  { webhook: { pods: { selector: {}, namespace: 'other', port: 80 } } },
  {
    webhook: {
      urlFrom: { configMapKeyRef: { name: 'urls', key: 'k' } },
      headers: [
        { name: 'A', value: 'b' },
        { name: 'Authorization', valueFrom: keyOf('token') },
        { name: 'X-Team', valueFrom: { configMapKeyRef: { name: 'team', key: 'k' } } },
      ],
      signature: keyOf('sign'),
      tls: { caBundle: keyOf('ca'), clientCertificate: { secretName: 'cert' } },
    },
  },
];
export const COLD = { updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } };
/** Rules that use every option by which a rule comes to rights. */
export const SPECS = [
  ...SOURCES.map((source) => ({ sources: [source], actions: [COLD] })),
  ...ACTIONS.map((action) => ({ sources: TIMERS, actions: [action] })),
  {
    sources: [...SOURCES.slice(0, 3), ...SOURCES.slice(5, 7)],
    actions: [...ACTIONS.slice(0, 4), ...ACTIONS.filter((action) => 'exec' in action)],
  },
];
