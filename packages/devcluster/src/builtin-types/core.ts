/** Types of `v1` and of pods. The fields are those of the published Kubernetes API reference. See `readTypes` for the notation. */
export const CORE_TYPES = `
OwnerReference: apiVersion! kind! name! uid! controller:b blockOwnerDeletion:b
ManagedFieldsEntry: manager operation apiVersion time:t fieldsType fieldsV1:o subresource
ObjectMeta: name generateName namespace selfLink uid resourceVersion generation:l creationTimestamp:t deletionTimestamp:t deletionGracePeriodSeconds:l labels:m annotations:m ownerReferences:OwnerReference[uid] finalizers[+] clusterName managedFields:ManagedFieldsEntry[]
LabelSelectorRequirement: key! operator! values[]
LabelSelector: matchLabels:m matchExpressions:LabelSelectorRequirement[]
LocalObjectReference: name
ObjectReference: kind namespace name uid apiVersion resourceVersion fieldPath
TypedLocalObjectReference: apiGroup kind! name!
Condition: type! status! observedGeneration:l lastTransitionTime:t lastUpdateTime:t lastProbeTime:t lastHeartbeatTime:t reason message
ConfigMap: data:m binaryData:my immutable:b
Secret: data:my stringData:m type immutable:b
EventSource: component host
EventSeries: count:i lastObservedTime:t
Event: involvedObject:ObjectReference! reason message source:EventSource firstTimestamp:t lastTimestamp:t count:i type eventTime:t series:EventSeries action related:ObjectReference reportingComponent reportingInstance
NamespaceSpec: finalizers[]
NamespaceStatus: phase conditions:Condition[type]
Namespace: spec:NamespaceSpec status:NamespaceStatus
ServiceAccount: secrets:ObjectReference[name] imagePullSecrets:LocalObjectReference[] automountServiceAccountToken:b
ResourceQuotaSpec: hard:mq scopes[] scopeSelector:o
ResourceQuotaStatus: hard:mq used:mq
ResourceQuota: spec:ResourceQuotaSpec status:ResourceQuotaStatus
LimitRangeItem: type! max:mq min:mq default:mq defaultRequest:mq maxLimitRequestRatio:mq
LimitRangeSpec: limits:LimitRangeItem[]
LimitRange: spec:LimitRangeSpec
ServicePort: name protocol appProtocol port:i! targetPort:x nodePort:i
ClientIPConfig: timeoutSeconds:i
SessionAffinityConfig: clientIP:ClientIPConfig
ServiceSpec: ports:ServicePort[port,protocol] selector:m clusterIP clusterIPs[] type externalIPs[] sessionAffinity loadBalancerIP loadBalancerSourceRanges[] externalName externalTrafficPolicy internalTrafficPolicy healthCheckNodePort:i publishNotReadyAddresses:b sessionAffinityConfig:SessionAffinityConfig ipFamilies[] ipFamilyPolicy topologyKeys[] allocateLoadBalancerNodePorts:b loadBalancerClass trafficDistribution
LoadBalancerIngress: ip hostname ipMode ports:o[]
LoadBalancerStatus: ingress:LoadBalancerIngress[]
ServiceStatus: loadBalancer:LoadBalancerStatus conditions:Condition[type]
Service: spec:ServiceSpec status:ServiceStatus
EndpointAddress: ip! hostname nodeName targetRef:ObjectReference
EndpointPort: name port:i! protocol appProtocol
EndpointSubset: addresses:EndpointAddress[] notReadyAddresses:EndpointAddress[] ports:EndpointPort[]
Endpoints: subsets:EndpointSubset[]
Taint: key! value effect! timeAdded:t
NodeSpec: podCIDR podCIDRs[+] providerID unschedulable:b taints:Taint[] configSource:o externalID
NodeAddress: type! address!
NodeSystemInfo: machineID systemUUID bootID kernelVersion osImage containerRuntimeVersion kubeletVersion kubeProxyVersion operatingSystem architecture
ContainerImage: names[] sizeBytes:l
NodeStatus: capacity:mq allocatable:mq phase conditions:Condition[type] addresses:NodeAddress[type] daemonEndpoints:o nodeInfo:NodeSystemInfo images:ContainerImage[] volumesInUse[] volumesAttached:o[] config:o features:o runtimeHandlers:o[]
Node: spec:NodeSpec status:NodeStatus
ResourceRequirements: limits:mq requests:mq claims:o[]
PersistentVolumeClaimSpec: accessModes[] selector:LabelSelector resources:ResourceRequirements volumeName storageClassName volumeMode dataSource:TypedLocalObjectReference dataSourceRef:o volumeAttributesClassName
PersistentVolumeClaimStatus: phase accessModes[] capacity:mq conditions:Condition[type] allocatedResources:mq allocatedResourceStatuses:m
PersistentVolumeClaim: spec:PersistentVolumeClaimSpec status:PersistentVolumeClaimStatus
PersistentVolumeStatus: phase message reason lastPhaseTransitionTime:t
PersistentVolume: spec:o status:PersistentVolumeStatus
ContainerPort: name hostPort:i containerPort:i! protocol hostIP
SecretKeySelector: name key! optional:b
ObjectFieldSelector: apiVersion fieldPath!
ResourceFieldSelector: containerName resource! divisor:q
EnvVarSource: fieldRef:ObjectFieldSelector resourceFieldRef:ResourceFieldSelector configMapKeyRef:SecretKeySelector secretKeyRef:SecretKeySelector
EnvVar: name! value valueFrom:EnvVarSource
NamedEnvSource: name optional:b
EnvFromSource: prefix configMapRef:NamedEnvSource secretRef:NamedEnvSource
VolumeMount: name! readOnly:b recursiveReadOnly mountPath! subPath mountPropagation subPathExpr
VolumeDevice: name! devicePath!
ExecAction: command[]
HTTPHeader: name! value!
HTTPGetAction: path port:x! host scheme httpHeaders:HTTPHeader[]
TCPSocketAction: port:x! host
GRPCAction: port:i! service
SleepAction: seconds:l!
Probe: exec:ExecAction httpGet:HTTPGetAction tcpSocket:TCPSocketAction grpc:GRPCAction initialDelaySeconds:i timeoutSeconds:i periodSeconds:i successThreshold:i failureThreshold:i terminationGracePeriodSeconds:l
LifecycleHandler: exec:ExecAction httpGet:HTTPGetAction tcpSocket:TCPSocketAction sleep:SleepAction
Lifecycle: postStart:LifecycleHandler preStop:LifecycleHandler
Capabilities: add[] drop[]
SELinuxOptions: user role type level
WindowsOptions: gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess:b
SeccompProfile: type! localhostProfile
SecurityContext: capabilities:Capabilities privileged:b seLinuxOptions:SELinuxOptions windowsOptions:WindowsOptions runAsUser:l runAsGroup:l runAsNonRoot:b readOnlyRootFilesystem:b allowPrivilegeEscalation:b procMount seccompProfile:SeccompProfile appArmorProfile:SeccompProfile
ContainerResizePolicy: resourceName! restartPolicy!
Container: name! image command[] args[] workingDir ports:ContainerPort[containerPort,protocol] envFrom:EnvFromSource[] env:EnvVar[name] resources:ResourceRequirements resizePolicy:ContainerResizePolicy[] restartPolicy volumeMounts:VolumeMount[mountPath] volumeDevices:VolumeDevice[devicePath] livenessProbe:Probe readinessProbe:Probe startupProbe:Probe lifecycle:Lifecycle terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext:SecurityContext stdin:b stdinOnce:b tty:b targetContainerName
KeyToPath: key! path! mode:i
ConfigMapVolume: name items:KeyToPath[] defaultMode:i optional:b
SecretVolume: secretName items:KeyToPath[] defaultMode:i optional:b
DownwardFile: path! fieldRef:ObjectFieldSelector resourceFieldRef:ResourceFieldSelector mode:i
DownwardVolume: items:DownwardFile[] defaultMode:i
TokenProjection: audience expirationSeconds:l path!
VolumeProjection: secret:ConfigMapVolume configMap:ConfigMapVolume downwardAPI:DownwardVolume serviceAccountToken:TokenProjection clusterTrustBundle:o
ProjectedVolume: sources:VolumeProjection[] defaultMode:i
HostPathVolume: path! type
EmptyDirVolume: medium sizeLimit:q
PVCVolume: claimName! readOnly:b
NFSVolume: server! path! readOnly:b
PVCTemplate: metadata:ObjectMeta spec:PersistentVolumeClaimSpec
EphemeralVolume: volumeClaimTemplate:PVCTemplate readOnly:b
CSIVolume: driver! readOnly:b fsType volumeAttributes:m nodePublishSecretRef:LocalObjectReference
Volume: name! hostPath:HostPathVolume emptyDir:EmptyDirVolume secret:SecretVolume configMap:ConfigMapVolume downwardAPI:DownwardVolume projected:ProjectedVolume persistentVolumeClaim:PVCVolume nfs:NFSVolume ephemeral:EphemeralVolume csi:CSIVolume gcePersistentDisk:o awsElasticBlockStore:o gitRepo:o iscsi:o glusterfs:o rbd:o flexVolume:o cinder:o cephfs:o flocker:o fc:o azureFile:o azureDisk:o vsphereVolume:o quobyte:o photonPersistentDisk:o portworxVolume:o scaleIO:o storageos:o image:o
Sysctl: name! value!
PodSecurityContext: seLinuxOptions:SELinuxOptions windowsOptions:WindowsOptions runAsUser:l runAsGroup:l runAsNonRoot:b supplementalGroups:l[] supplementalGroupsPolicy fsGroup:l sysctls:Sysctl[] fsGroupChangePolicy seccompProfile:SeccompProfile appArmorProfile:SeccompProfile
NodeSelectorRequirement: key! operator! values[]
NodeSelectorTerm: matchExpressions:NodeSelectorRequirement[] matchFields:NodeSelectorRequirement[]
NodeSelector: nodeSelectorTerms:NodeSelectorTerm[]!
PreferredSchedulingTerm: weight:i! preference:NodeSelectorTerm!
NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution:NodeSelector preferredDuringSchedulingIgnoredDuringExecution:PreferredSchedulingTerm[]
PodAffinityTerm: labelSelector:LabelSelector namespaces[] topologyKey! namespaceSelector:LabelSelector matchLabelKeys[] mismatchLabelKeys[]
WeightedPodAffinityTerm: weight:i! podAffinityTerm:PodAffinityTerm!
PodAffinity: requiredDuringSchedulingIgnoredDuringExecution:PodAffinityTerm[] preferredDuringSchedulingIgnoredDuringExecution:WeightedPodAffinityTerm[]
Affinity: nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAffinity
Toleration: key operator value effect tolerationSeconds:l
HostAlias: ip hostnames[]
PodDNSOption: name value
PodDNSConfig: nameservers[] searches[] options:PodDNSOption[]
PodReadinessGate: conditionType!
TopologySpreadConstraint: maxSkew:i! topologyKey! whenUnsatisfiable! labelSelector:LabelSelector minDomains:i nodeAffinityPolicy nodeTaintsPolicy matchLabelKeys[]
PodSpec: volumes:Volume[name]^ initContainers:Container[name] containers:Container[name]! ephemeralContainers:Container[name] restartPolicy terminationGracePeriodSeconds:l activeDeadlineSeconds:l dnsPolicy nodeSelector:m serviceAccountName serviceAccount automountServiceAccountToken:b nodeName hostNetwork:b hostPID:b hostIPC:b shareProcessNamespace:b securityContext:PodSecurityContext imagePullSecrets:LocalObjectReference[name] hostname subdomain affinity:Affinity schedulerName tolerations:Toleration[] hostAliases:HostAlias[ip] priorityClassName priority:i dnsConfig:PodDNSConfig readinessGates:PodReadinessGate[] runtimeClassName enableServiceLinks:b preemptionPolicy overhead:mq topologySpreadConstraints:TopologySpreadConstraint[topologyKey,whenUnsatisfiable] setHostnameAsFQDN:b os:o hostUsers:b schedulingGates:o[] resourceClaims:o[] resources:ResourceRequirements
PodIP: ip
ContainerStatus: name! state:o lastState:o ready:b restartCount:i image imageID containerID started:b allocatedResources:mq resources:ResourceRequirements volumeMounts:o[] user:o
PodStatus: phase conditions:Condition[type] message reason nominatedNodeName hostIP hostIPs:PodIP[] podIP podIPs:PodIP[ip] startTime:t initContainerStatuses:ContainerStatus[] containerStatuses:ContainerStatus[] qosClass ephemeralContainerStatuses:ContainerStatus[] resize resourceClaimStatuses:o[] observedGeneration:l
Pod: spec:PodSpec status:PodStatus
PodTemplateSpec: metadata:ObjectMeta spec:PodSpec
PodTemplate: template:PodTemplateSpec
ReplicationControllerSpec: replicas:i minReadySeconds:i selector:m template:PodTemplateSpec
ReplicationControllerStatus: replicas:i fullyLabeledReplicas:i readyReplicas:i availableReplicas:i observedGeneration:l conditions:Condition[type]
ReplicationController: spec:ReplicationControllerSpec status:ReplicationControllerStatus
`;
