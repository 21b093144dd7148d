import { BUILTIN_TYPES } from '../builtin-types/index.js';
import { COMMON_FIELDS, fieldAt, type SelectableFields } from '../selectors/field-selector.js';
import type { ResourceDefinition, Strategy } from './definition.js';

/**
 * `group version`, then one resource a line: plural, kind, scope (n or c), short names, categories, subresources, flags.
 * Flags: g = has a generation, d = a delete answers with the object.
 */
const TABLE = `
= v1
configmaps            ConfigMap             n  cm    -   -             -
endpoints             Endpoints             n  ep    -   -             -
events                Event                 n  ev    -   -             -
limitranges           LimitRange            n  limits -  -             -
namespaces            Namespace             c  ns    -   status,finalize d
nodes                 Node                  c  no    -   status        -
persistentvolumeclaims PersistentVolumeClaim n pvc   -   status        d
persistentvolumes     PersistentVolume      c  pv    -   status        d
pods                  Pod                   n  po    all status,binding,eviction,exec,attach,portforward,log d
podtemplates          PodTemplate           n  -     -   -             d
replicationcontrollers ReplicationController n rc    all status,scale  g
resourcequotas        ResourceQuota         n  quota -   status        d
secrets               Secret                n  -     -   -             -
serviceaccounts       ServiceAccount        n  sa    -   token         d
services              Service               n  svc   all status        -
= apps/v1
controllerrevisions   ControllerRevision    n  -     -   -             -
daemonsets            DaemonSet             n  ds    all status        g
deployments           Deployment            n  deploy all status,scale g
replicasets           ReplicaSet            n  rs    all status,scale  g
statefulsets          StatefulSet           n  sts   all status,scale  g
= batch/v1
cronjobs              CronJob               n  cj    all status        g
jobs                  Job                   n  -     all status        g
= autoscaling/v1
horizontalpodautoscalers HorizontalPodAutoscaler n hpa all status      -
= coordination.k8s.io/v1
leases                Lease                 n  -     -   -             -
= discovery.k8s.io/v1
endpointslices        EndpointSlice         n  -     -   -             g
= networking.k8s.io/v1
ingressclasses        IngressClass          c  -     -   -             g
ingresses             Ingress               n  ing   -   status        g
networkpolicies       NetworkPolicy         n  netpol -  -             g
= policy/v1
poddisruptionbudgets  PodDisruptionBudget   n  pdb   -   status        g
= rbac.authorization.k8s.io/v1
clusterrolebindings   ClusterRoleBinding    c  -     -   -             -
clusterroles          ClusterRole           c  -     -   -             -
rolebindings          RoleBinding           n  -     -   -             -
roles                 Role                  n  -     -   -             -
= scheduling.k8s.io/v1
priorityclasses       PriorityClass         c  pc    -   -             g
= storage.k8s.io/v1
storageclasses        StorageClass          c  sc    -   -             -
= apiextensions.k8s.io/v1
customresourcedefinitions CustomResourceDefinition c crd,crds api-extensions status g
`;

const SINGULAR: { readonly [plural: string]: string } = { endpoints: 'endpoints' };

function fieldsOf(...paths: readonly string[]): SelectableFields {
  return { ...COMMON_FIELDS, ...Object.fromEntries(paths.map((path) => [path, fieldAt(path)])) };
}

/** The selectors each kind offers, from the field label conversions of Kubernetes' own API packages. */
const FIELDS: { readonly [plural: string]: SelectableFields } = {
  events: {
    ...fieldsOf(
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'involvedObject.apiVersion',
      'involvedObject.resourceVersion',
      'involvedObject.fieldPath',
      'reason',
      'reportingComponent',
      'type',
    ),
    source: fieldAt('source.component'),
  },
  namespaces: {
    'metadata.name': (object) => object.metadata.name,
    name: (object) => object.metadata.name,
    'status.phase': fieldAt('status.phase'),
  },
  nodes: {
    'metadata.name': (object) => object.metadata.name,
    'spec.unschedulable': fieldAt('spec.unschedulable', 'false'),
  },
  pods: {
    ...fieldsOf(
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ),
    'spec.schedulerName': fieldAt('spec.schedulerName', 'default-scheduler'),
  },
  replicationcontrollers: { ...COMMON_FIELDS, 'status.replicas': fieldAt('status.replicas', '0') },
  jobs: { ...COMMON_FIELDS, 'status.successful': fieldAt('status.succeeded', '0') },
  secrets: fieldsOf('type'),
};

/** The built-in resources. `strategies` adds behaviour by plural. */
export function builtinResources(strategies: {
  readonly [plural: string]: Partial<ResourceDefinition> & Strategy;
}): ResourceDefinition[] {
  const out: ResourceDefinition[] = [];
  let group = '';
  let version = '';
  for (const line of TABLE.trim().split('\n')) {
    if (line.startsWith('= ')) {
      const gv = line.slice(2);
      group = gv.includes('/') ? gv.slice(0, gv.indexOf('/')) : '';
      version = gv.slice(gv.indexOf('/') + 1);
      continue;
    }
    const [plural = '', kind = '', scope, shortNames = '-', categories = '-', subresources = '-', flags = '-'] =
      line.split(/\s+/);
    out.push({
      group,
      version,
      plural,
      kind,
      singular: SINGULAR[plural] ?? kind.toLowerCase(),
      listKind: `${kind}List`,
      namespaced: scope === 'n',
      shortNames: words(shortNames),
      categories: words(categories),
      subresources: words(subresources),
      hasGeneration: flags.includes('g'),
      returnsDeleted: flags.includes('d'),
      fields: FIELDS[plural] ?? COMMON_FIELDS,
      custom: false,
      ...schemaOf(kind),
      ...strategies[plural],
    });
  }
  return out;
}

function words(cell: string): string[] {
  return cell === '-' ? [] : cell.split(',');
}

function schemaOf(kind: string): Pick<ResourceDefinition, 'schema'> {
  const schema = BUILTIN_TYPES.get(kind);
  if (schema === undefined) throw new Error(`no type is declared for ${kind}`);
  return { schema };
}
