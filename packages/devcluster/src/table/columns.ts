import type { KubeObject } from '../api-types.js';
import { asArray, asObject, asString, isObject } from '../json.js';
import type { Column, ResourceDefinition } from '../resources/definition.js';
import { humanDuration } from './duration.js';
import { jsonPath } from './json-path.js';

type Cell = Column['cell'];

function column(name: string, cell: Cell, extra: Partial<Column> = {}): Column {
  return { name, type: 'string', cell, ...extra };
}

const NAME = column('Name', (object) => object.metadata.name, { format: 'name' });
const AGE = column('Age', (object, now) => ageOf(object, now));

function ageOf({ metadata }: KubeObject, now: Date): string {
  const since = Date.parse(metadata.creationTimestamp ?? '');
  return Number.isNaN(since) ? '<unknown>' : humanDuration(now.getTime() - since);
}

function at(path: string, fallback: unknown = ''): Cell {
  const read = jsonPath(path);
  return (object) => read(object) ?? fallback;
}

function count(path: string): Cell {
  const read = jsonPath(path);
  return (object) => {
    const value = read(object);
    return Array.isArray(value) ? value.length : Object.keys(asObject(value)).length;
  };
}

function ready(have: string, want: string): Cell {
  const [readHave, readWant] = [jsonPath(have), jsonPath(want)];
  return (object) => `${Number(readHave(object) ?? 0)}/${Number(readWant(object) ?? 0)}`;
}

const INTEGER = { type: 'integer' };
const WIDE = { priority: 1 };

function containersOf(object: KubeObject): Record<string, unknown>[] {
  const template = asObject(asObject(asObject(object['spec'])['template'])['spec']);
  return asArray(template['containers']).filter(isObject);
}

const CONTAINERS = column(
  'Containers',
  (object) =>
    containersOf(object)
      .map((each) => asString(each['name']))
      .join(','),
  WIDE,
);
const IMAGES = column(
  'Images',
  (object) =>
    containersOf(object)
      .map((each) => asString(each['image']))
      .join(','),
  WIDE,
);
const SELECTOR = column(
  'Selector',
  (object) => selectorText(asObject(asObject(object['spec'])['selector'])['matchLabels']),
  WIDE,
);

function selectorText(labels: unknown): string {
  const parts = Object.entries(asObject(labels)).map(([key, value]) => `${key}=${String(value)}`);
  return parts.length === 0 ? '<none>' : parts.join(',');
}

function podReady(pod: KubeObject): string {
  const statuses = asArray(asObject(pod['status'])['containerStatuses']).filter(isObject);
  return `${statuses.filter((each) => each['ready'] === true).length}/${asArray(asObject(pod['spec'])['containers']).length}`;
}

function podStatus(pod: KubeObject): string {
  const { containerStatuses, phase, reason } = asObject(pod['status']);
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const status of asArray(containerStatuses)) {
    const { terminated, waiting } = asObject(asObject(status)['state']);
    const why = asString(asObject(waiting)['reason']) ?? asString(asObject(terminated)['reason']);
    if (why !== undefined) return why;
  }
  return asString(reason) ?? asString(phase) ?? 'Unknown';
}

function podRestarts(pod: KubeObject): number {
  return asArray(asObject(pod['status'])['containerStatuses']).reduce<number>(
    (sum, each) => sum + Number(asObject(each)['restartCount'] ?? 0),
    0,
  );
}

function servicePorts(service: KubeObject): string {
  const ports = asArray(asObject(service['spec'])['ports']).filter(isObject);
  const words = ports.map(
    ({ nodePort, port, protocol }) =>
      `${String(port)}${nodePort === undefined ? '' : `:${JSON.stringify(nodePort)}`}/${String(protocol)}`,
  );
  return words.length === 0 ? '<none>' : words.join(',');
}

function nodeStatus(node: KubeObject): string {
  const conditions = asArray(asObject(node['status'])['conditions']).filter(isObject);
  const isReady = conditions.some((each) => each['type'] === 'Ready' && each['status'] === 'True');
  return `${isReady ? 'Ready' : 'NotReady'}${asObject(node['spec'])['unschedulable'] === true ? ',SchedulingDisabled' : ''}`;
}

function lastSeen(event: KubeObject, now: Date): string {
  const time = asString(event['lastTimestamp']) ?? asString(event['eventTime']) ?? event.metadata.creationTimestamp;
  return time === undefined ? '<unknown>' : humanDuration(now.getTime() - Date.parse(time));
}

function eventObject(event: KubeObject): string {
  const { kind, name } = asObject(event['involvedObject']);
  return `${(asString(kind) ?? '').toLowerCase()}/${asString(name) ?? ''}`;
}

function jobDuration(job: KubeObject, now: Date): string {
  const { completionTime, startTime } = asObject(job['status']);
  if (typeof startTime !== 'string') return '';
  return humanDuration(
    (typeof completionTime === 'string' ? Date.parse(completionTime) : now.getTime()) - Date.parse(startTime),
  );
}

const WORKLOAD_WIDE = [CONTAINERS, IMAGES, SELECTOR];

/** The columns of the kinds that people look at most; the others show name and age. */
const BUILTIN: { readonly [plural: string]: readonly Column[] } = {
  configmaps: [NAME, column('Data', count('.data'), INTEGER), AGE],
  cronjobs: [
    NAME,
    column('Schedule', at('.spec.schedule')),
    column('Suspend', (object) => (asObject(object['spec'])['suspend'] === true ? 'True' : 'False')),
    column('Active', count('.status.active'), INTEGER),
    column('Last Schedule', (object, now) => {
      const time = asObject(object['status'])['lastScheduleTime'];
      return typeof time === 'string' ? humanDuration(now.getTime() - Date.parse(time)) : '<none>';
    }),
    AGE,
  ],
  customresourcedefinitions: [NAME, column('Created At', (object) => object.metadata.creationTimestamp ?? '')],
  daemonsets: [
    NAME,
    column('Desired', at('.status.desiredNumberScheduled', 0), INTEGER),
    column('Current', at('.status.currentNumberScheduled', 0), INTEGER),
    column('Ready', at('.status.numberReady', 0), INTEGER),
    column('Up-to-date', at('.status.updatedNumberScheduled', 0), INTEGER),
    column('Available', at('.status.numberAvailable', 0), INTEGER),
    column('Node Selector', (object) =>
      selectorText(asObject(asObject(asObject(object['spec'])['template'])['spec'])['nodeSelector']),
    ),
    AGE,
    ...WORKLOAD_WIDE,
  ],
  deployments: [
    NAME,
    column('Ready', ready('.status.readyReplicas', '.spec.replicas')),
    column('Up-to-date', at('.status.updatedReplicas', 0), INTEGER),
    column('Available', at('.status.availableReplicas', 0), INTEGER),
    AGE,
    ...WORKLOAD_WIDE,
  ],
  events: [
    column('Last Seen', lastSeen),
    column('Type', at('.type')),
    column('Reason', at('.reason')),
    column('Object', eventObject),
    column('Message', at('.message')),
  ],
  jobs: [
    NAME,
    column('Completions', ready('.status.succeeded', '.spec.completions')),
    column('Duration', jobDuration),
    AGE,
    ...WORKLOAD_WIDE,
  ],
  leases: [NAME, column('Holder', at('.spec.holderIdentity')), AGE],
  namespaces: [NAME, column('Status', at('.status.phase')), AGE],
  nodes: [
    NAME,
    column('Status', nodeStatus),
    column('Roles', () => '<none>'),
    AGE,
    column('Version', at('.status.nodeInfo.kubeletVersion')),
  ],
  pods: [
    NAME,
    column('Ready', podReady),
    column('Status', podStatus),
    column('Restarts', podRestarts, INTEGER),
    AGE,
    column('IP', at('.status.podIP', '<none>'), WIDE),
    column('Node', at('.spec.nodeName', '<none>'), WIDE),
    column('Nominated Node', at('.status.nominatedNodeName', '<none>'), WIDE),
    column('Readiness Gates', () => '<none>', WIDE),
  ],
  replicasets: [
    NAME,
    column('Desired', at('.spec.replicas', 0), INTEGER),
    column('Current', at('.status.replicas', 0), INTEGER),
    column('Ready', at('.status.readyReplicas', 0), INTEGER),
    AGE,
    ...WORKLOAD_WIDE,
  ],
  secrets: [NAME, column('Type', at('.type')), column('Data', count('.data'), INTEGER), AGE],
  serviceaccounts: [NAME, column('Secrets', count('.secrets'), INTEGER), AGE],
  services: [
    NAME,
    column('Type', at('.spec.type')),
    column('Cluster-IP', at('.spec.clusterIP', '<none>')),
    column('External-IP', () => '<none>'),
    column('Port(s)', servicePorts),
    AGE,
    column('Selector', (object) => selectorText(asObject(object['spec'])['selector']), WIDE),
  ],
  statefulsets: [NAME, column('Ready', ready('.status.readyReplicas', '.spec.replicas')), AGE, CONTAINERS, IMAGES],
};

/** The columns of a resource's Table. */
export function columnsOf(definition: ResourceDefinition): readonly Column[] {
  if (definition.columns !== undefined) return definition.columns;
  return definition.custom ? [NAME, AGE] : (BUILTIN[definition.plural] ?? [NAME, AGE]);
}

/** The columns that a CRD's `additionalPrinterColumns` ask for, behind the name. */
export function printerColumns(specs: readonly unknown[]): readonly Column[] | undefined {
  if (specs.length === 0) return undefined;
  return [NAME, ...specs.filter(isObject).map(printerColumn)];
}

function printerColumn(spec: Record<string, unknown>): Column {
  const type = asString(spec['type']) ?? 'string';
  const read = jsonPath(asString(spec['jsonPath']) ?? '');
  return {
    name: asString(spec['name']) ?? '',
    type: type === 'date' ? 'string' : type,
    ...(typeof spec['format'] === 'string' ? { format: spec['format'] } : {}),
    description:
      asString(spec['description']) ??
      `Custom resource definition column (in JSONPath format): ${String(spec['jsonPath'])}`,
    priority: typeof spec['priority'] === 'number' ? spec['priority'] : 0,
    cell: (object, now) => printed(read(object), type, now),
  };
}

/** A cell as the API server makes it: dates as ages, numbers and booleans only for columns of that type, nothing for what is missing. */
function printed(value: unknown, type: string, now: Date): unknown {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date': {
      const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
      return Number.isNaN(time) ? '<invalid>' : humanDuration(now.getTime() - time);
    }
    default:
      return typeof value === 'string'
        ? value
        : Array.isArray(value)
          ? value.map(String).join(',')
          : JSON.stringify(value);
  }
}
