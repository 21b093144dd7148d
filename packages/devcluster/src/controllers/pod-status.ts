import { type Condition, type ContainerStatus, findCondition, type Pod, type PodStatus, timestamp } from './objects.js';

/** On a pod (or on a pod template, which passes it on): while it is `"true"`, the first container keeps crashing. */
export const crashAnnotation = 'devcluster.kube-trigger.dev/crash';

const nodeAddress = '10.0.0.1';

/** Why no node takes the pod, as the scheduler says it. */
export function unschedulableStatus(pod: Pod, message: string): PodStatus {
  const condition: Condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  return { ...pod.status, phase: 'Pending', conditions: merged(pod.status?.conditions, [condition]) };
}

/** The status of a pod whose containers run, or keep crashing when it is marked so. Equal input gives equal output: no restarts. */
export function runningStatus(pod: Pod): PodStatus {
  const crashing = pod.metadata.annotations?.[crashAnnotation] === 'true';
  const startTime = pod.status?.startTime ?? timestamp(Date.now());
  const known = pod.status?.containerStatuses ?? [];
  const containerStatuses = pod.spec.containers.map((container, index) => {
    const before = known.find((status) => status.name === container.name);
    const crashes = crashing && index === 0;
    // What goes on as before keeps its times.
    if (before !== undefined && before.image === container.image && before.ready === !crashes) return before;
    return containerStatus(container, { pod, crashes });
  });
  const unready = containerStatuses.filter((status) => !status.ready).map((status) => status.name);
  const { hostIP, podIP, podIPs } = addresses(pod);
  return {
    ...pod.status,
    phase: 'Running',
    startTime,
    hostIP,
    podIP,
    podIPs,
    conditions: merged(pod.status?.conditions, podConditions(pod, unready)),
    containerStatuses,
    ...(pod.spec.initContainers === undefined ? {} : { initContainerStatuses: initStatuses(pod) }),
  };
}

function podConditions(pod: Pod, unready: string[]): Condition[] {
  const containers: Omit<Condition, 'type'> =
    unready.length === 0
      ? { status: 'True' }
      : {
          status: 'False',
          reason: 'ContainersNotReady',
          message: `containers with unready status: [${unready.join(' ')}]`,
        };
  const gates = (pod.spec.readinessGates ?? []).map((gate) => gate.conditionType);
  const closed = gates.filter((type) => findCondition(pod.status?.conditions, type)?.status !== 'True');
  const ready: Omit<Condition, 'type'> =
    unready.length > 0 || closed.length === 0
      ? containers
      : {
          status: 'False',
          reason: 'ReadinessGatesNotReady',
          message: `corresponding condition of pod readiness gate "${closed[0]}" is not "True".`,
        };
  return [
    { type: 'Initialized', status: 'True' },
    { type: 'Ready', ...ready },
    { type: 'ContainersReady', ...containers },
    { type: 'PodScheduled', status: 'True' },
  ];
}

/** The wanted conditions with the time of their last change, then those of others. */
function merged(known: Condition[] | undefined, wanted: Condition[]): Condition[] {
  const now = timestamp(Date.now());
  const own = wanted.map((condition) => {
    const before = findCondition(known, condition.type);
    const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
    return {
      ...before,
      ...condition,
      lastTransitionTime,
      ...(condition.reason === undefined ? { reason: undefined, message: undefined } : {}),
    };
  });
  return [...own, ...(known ?? []).filter((condition) => findCondition(wanted, condition.type) === undefined)];
}

function containerStatus(
  container: { name: string; image?: string },
  { pod, crashes }: { pod: Pod; crashes: boolean },
): ContainerStatus {
  const now = timestamp(Date.now());
  const image = container.image ?? '';
  const containerID = `devcluster://${pod.metadata.uid}/${container.name}`;
  const base = { name: container.name, image, imageID: image, containerID };
  if (!crashes) {
    return {
      ...base,
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: now } },
      lastState: {},
    };
  }
  const message = `back-off 5m0s restarting failed container=${container.name} pod=${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
  const terminated = { exitCode: 1, reason: 'Error', startedAt: now, finishedAt: now, containerID };
  const state = { waiting: { reason: 'CrashLoopBackOff', message } };
  return { ...base, ready: false, started: false, restartCount: 1, state, lastState: { terminated } };
}

function initStatuses(pod: Pod): ContainerStatus[] {
  const known = pod.status?.initContainerStatuses;
  if (known !== undefined) return known;
  const now = timestamp(Date.now());
  return (pod.spec.initContainers ?? []).map(({ name, image = '' }) => {
    const containerID = `devcluster://${pod.metadata.uid}/${name}`;
    const terminated = { exitCode: 0, reason: 'Completed', startedAt: now, finishedAt: now, containerID };
    return {
      name,
      image,
      imageID: image,
      containerID,
      ready: true,
      restartCount: 0,
      state: { terminated },
      lastState: {},
    };
  });
}

/** An address made of the uid: stable, and all but surely its own. */
function addresses(pod: Pod): { hostIP: string; podIP: string; podIPs: { ip: string }[] } {
  const digits = Number.parseInt(pod.metadata.uid.replaceAll('-', '').slice(0, 4), 16) || 0;
  const podIP = pod.status?.podIP ?? `10.244.${digits >> 8}.${digits & 0xff || 1}`;
  return { hostIP: nodeAddress, podIP, podIPs: [{ ip: podIP }] };
}
