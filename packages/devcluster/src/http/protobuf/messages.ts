/**
 * The messages that kubectl sends in protobuf since it prefers it for typed clients (`kubectl create …`, `kubectl auth can-i`). Field
 * numbers are those of the Kubernetes API's published .proto files.
 *
 * Each line is `Message: number=name:type …`. Types: s string, i integer, b boolean, y bytes, t time, x int or string, q quantity, m map of
 * strings, my map of bytes, mq map of quantities, `-` read over; or a message. `[]` repeats. Go always writes fields that are not
 * pointers, so zero values count as left out; `!` marks the pointers, whose zero is meant.
 */
const TABLE = `
ObjectMeta: 1=name:s 2=generateName:s 3=namespace:s 4=selfLink:s 5=uid:s 6=resourceVersion:s 7=generation:i 8=creationTimestamp:- 9=deletionTimestamp:- 10=deletionGracePeriodSeconds:- 11=labels:m 12=annotations:m 13=ownerReferences:OwnerReference[] 14=finalizers:s[] 15=clusterName:s 17=managedFields:-
OwnerReference: 1=kind:s 3=name:s 4=uid:s 5=apiVersion:s 6=controller:b 7=blockOwnerDeletion:b
DeleteOptions: 1=gracePeriodSeconds:i! 2=preconditions:Preconditions 3=orphanDependents:b! 4=propagationPolicy:s 5=dryRun:s[]
Preconditions: 1=uid:s 2=resourceVersion:s
LabelSelector: 1=matchLabels:m 2=matchExpressions:LabelSelectorRequirement[]
LabelSelectorRequirement: 1=key:s 2=operator:s 3=values:s[]
ConfigMap: 1=metadata:ObjectMeta 2=data:m 3=binaryData:my 4=immutable:b
Secret: 1=metadata:ObjectMeta 2=data:my 3=type:s 4=stringData:m 5=immutable:b
Namespace: 1=metadata:ObjectMeta 2=spec:NamespaceSpec 3=status:-
NamespaceSpec: 1=finalizers:s[]
LocalObjectReference: 1=name:s
ObjectReference: 1=kind:s 2=namespace:s 3=name:s 4=uid:s 5=apiVersion:s 6=resourceVersion:s 7=fieldPath:s
ServiceAccount: 1=metadata:ObjectMeta 2=secrets:ObjectReference[] 3=imagePullSecrets:LocalObjectReference[] 4=automountServiceAccountToken:b!
ResourceQuota: 1=metadata:ObjectMeta 2=spec:ResourceQuotaSpec 3=status:-
ResourceQuotaSpec: 1=hard:mq 2=scopes:s[]
Service: 1=metadata:ObjectMeta 2=spec:ServiceSpec 3=status:-
ServiceSpec: 1=ports:ServicePort[] 2=selector:m 3=clusterIP:s 4=type:s 5=externalIPs:s[] 7=sessionAffinity:s 8=loadBalancerIP:s 9=loadBalancerSourceRanges:s[] 10=externalName:s 11=externalTrafficPolicy:s 12=healthCheckNodePort:i 13=publishNotReadyAddresses:b
ServicePort: 1=name:s 2=protocol:s 3=port:i 4=targetPort:x 5=nodePort:i 6=appProtocol:s
PodTemplateSpec: 1=metadata:ObjectMeta 2=spec:PodSpec
PodSpec: 2=containers:Container[] 3=restartPolicy:s 4=terminationGracePeriodSeconds:i! 5=activeDeadlineSeconds:i! 6=dnsPolicy:s 7=nodeSelector:m 8=serviceAccountName:s 9=serviceAccount:s 10=nodeName:s 11=hostNetwork:b 12=hostPID:b 13=hostIPC:b 15=imagePullSecrets:LocalObjectReference[] 16=hostname:s 17=subdomain:s 19=schedulerName:s 24=priorityClassName:s
Container: 1=name:s 2=image:s 3=command:s[] 4=args:s[] 5=workingDir:s 6=ports:ContainerPort[] 7=env:EnvVar[] 8=resources:ResourceRequirements 13=terminationMessagePath:s 14=imagePullPolicy:s 16=stdin:b 17=stdinOnce:b 18=tty:b 20=terminationMessagePolicy:s
ContainerPort: 1=name:s 2=hostPort:i 3=containerPort:i 4=protocol:s 5=hostIP:s
EnvVar: 1=name:s 2=value:s
ResourceRequirements: 1=limits:mq 2=requests:mq
Deployment: 1=metadata:ObjectMeta 2=spec:DeploymentSpec 3=status:-
DeploymentSpec: 1=replicas:i! 2=selector:LabelSelector 3=template:PodTemplateSpec 4=strategy:DeploymentStrategy 5=minReadySeconds:i 6=revisionHistoryLimit:i! 7=paused:b 9=progressDeadlineSeconds:i!
DeploymentStrategy: 1=type:s 2=rollingUpdate:RollingUpdate
RollingUpdate: 1=maxUnavailable:x 2=maxSurge:x
Job: 1=metadata:ObjectMeta 2=spec:JobSpec 3=status:-
JobSpec: 1=parallelism:i! 2=completions:i! 3=activeDeadlineSeconds:i! 4=selector:LabelSelector 5=manualSelector:b 6=template:PodTemplateSpec 7=backoffLimit:i! 8=ttlSecondsAfterFinished:i! 9=completionMode:s 10=suspend:b
CronJob: 1=metadata:ObjectMeta 2=spec:CronJobSpec 3=status:-
CronJobSpec: 1=schedule:s 2=startingDeadlineSeconds:i! 3=concurrencyPolicy:s 4=suspend:b 5=jobTemplate:JobTemplateSpec 6=successfulJobsHistoryLimit:i! 7=failedJobsHistoryLimit:i! 8=timeZone:s
JobTemplateSpec: 1=metadata:ObjectMeta 2=spec:JobSpec
PriorityClass: 1=metadata:ObjectMeta 2=value:i! 3=globalDefault:b 4=description:s 5=preemptionPolicy:s
PodDisruptionBudget: 1=metadata:ObjectMeta 2=spec:PodDisruptionBudgetSpec 3=status:-
PodDisruptionBudgetSpec: 1=minAvailable:x 2=selector:LabelSelector 3=maxUnavailable:x
PolicyRule: 1=verbs:s[] 2=apiGroups:s[] 3=resources:s[] 4=resourceNames:s[] 5=nonResourceURLs:s[]
Role: 1=metadata:ObjectMeta 2=rules:PolicyRule[]
AggregationRule: 1=clusterRoleSelectors:LabelSelector[]
ClusterRole: 1=metadata:ObjectMeta 2=rules:PolicyRule[] 3=aggregationRule:AggregationRule
Subject: 1=kind:s 2=apiGroup:s 3=name:s 4=namespace:s
RoleRef: 1=apiGroup:s 2=kind:s 3=name:s
RoleBinding: 1=metadata:ObjectMeta 2=subjects:Subject[] 3=roleRef:RoleRef
ClusterRoleBinding: 1=metadata:ObjectMeta 2=subjects:Subject[] 3=roleRef:RoleRef
ResourceAttributes: 1=namespace:s 2=verb:s 3=group:s 4=version:s 5=resource:s 6=subresource:s 7=name:s
NonResourceAttributes: 1=path:s 2=verb:s
SelfSubjectAccessReview: 1=metadata:ObjectMeta 2=spec:AccessReviewSpec 3=status:-
SubjectAccessReview: 1=metadata:ObjectMeta 2=spec:AccessReviewSpec 3=status:-
LocalSubjectAccessReview: 1=metadata:ObjectMeta 2=spec:AccessReviewSpec 3=status:-
AccessReviewSpec: 1=resourceAttributes:ResourceAttributes 2=nonResourceAttributes:NonResourceAttributes 3=user:s 4=groups:s[] 6=uid:s
TokenRequest: 1=metadata:ObjectMeta 2=spec:TokenRequestSpec 3=status:-
TokenRequestSpec: 1=audiences:s[] 3=boundObjectRef:BoundObjectReference 4=expirationSeconds:i!
BoundObjectReference: 1=kind:s 2=apiVersion:s 3=name:s 4=uid:s
`;

export interface MessageField {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  /** Zero values are meant, not left out. */
  readonly pointer: boolean;
}

/** The fields of a message by number. */
export type Message = ReadonlyMap<number, MessageField>;

export const MESSAGES: ReadonlyMap<string, Message> = new Map(
  TABLE.trim()
    .split('\n')
    .map((line) => [line.slice(0, line.indexOf(':')), readMessage(line.slice(line.indexOf(':') + 1))]),
);

function readMessage(text: string): Message {
  return new Map(
    text
      .trim()
      .split(' ')
      .map((field) => {
        const match = /^(\d+)=(\w+):([\w-]+)(\[\])?(!)?$/.exec(field);
        if (match === null) throw new Error(`cannot read the message field ${field}`);
        const [, number, name = '', type = '', repeated, pointer] = match;
        return [Number(number), { name, type, repeated: repeated !== undefined, pointer: pointer !== undefined }];
      }),
  );
}
