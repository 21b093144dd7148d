/** Types of the groups beside `v1`. See `readTypes` for the notation. */
export const GROUP_TYPES = `
ControllerRevision: data:o revision:l!
RollingUpdateDeployment: maxUnavailable:x maxSurge:x
DeploymentStrategy: type rollingUpdate:RollingUpdateDeployment
DeploymentSpec: replicas:i selector:LabelSelector! template:PodTemplateSpec! strategy:DeploymentStrategy^ minReadySeconds:i revisionHistoryLimit:i paused:b progressDeadlineSeconds:i
DeploymentStatus: observedGeneration:l replicas:i updatedReplicas:i readyReplicas:i availableReplicas:i unavailableReplicas:i terminatingReplicas:i conditions:Condition[type] collisionCount:i
Deployment: spec:DeploymentSpec status:DeploymentStatus
RollingUpdateStatefulSet: partition:i maxUnavailable:x
StatefulSetUpdateStrategy: type rollingUpdate:RollingUpdateStatefulSet
StatefulSetPVCRetention: whenDeleted whenScaled
StatefulSetOrdinals: start:i
ClaimTemplate: apiVersion kind metadata:ObjectMeta spec:PersistentVolumeClaimSpec status:PersistentVolumeClaimStatus
StatefulSetSpec: replicas:i selector:LabelSelector! template:PodTemplateSpec! volumeClaimTemplates:ClaimTemplate[] serviceName podManagementPolicy updateStrategy:StatefulSetUpdateStrategy revisionHistoryLimit:i minReadySeconds:i persistentVolumeClaimRetentionPolicy:StatefulSetPVCRetention ordinals:StatefulSetOrdinals
StatefulSetStatus: observedGeneration:l replicas:i readyReplicas:i currentReplicas:i updatedReplicas:i availableReplicas:i currentRevision updateRevision collisionCount:i conditions:Condition[type]
StatefulSet: spec:StatefulSetSpec status:StatefulSetStatus
DaemonSetUpdateStrategy: type rollingUpdate:RollingUpdateDeployment
DaemonSetSpec: selector:LabelSelector! template:PodTemplateSpec! updateStrategy:DaemonSetUpdateStrategy minReadySeconds:i revisionHistoryLimit:i
DaemonSetStatus: currentNumberScheduled:i numberMisscheduled:i desiredNumberScheduled:i numberReady:i observedGeneration:l updatedNumberScheduled:i numberAvailable:i numberUnavailable:i collisionCount:i conditions:Condition[type]
DaemonSet: spec:DaemonSetSpec status:DaemonSetStatus
ReplicaSetSpec: replicas:i minReadySeconds:i selector:LabelSelector! template:PodTemplateSpec
ReplicaSetStatus: replicas:i fullyLabeledReplicas:i readyReplicas:i availableReplicas:i terminatingReplicas:i observedGeneration:l conditions:Condition[type]
ReplicaSet: spec:ReplicaSetSpec status:ReplicaSetStatus
JobSpec: parallelism:i completions:i activeDeadlineSeconds:l podFailurePolicy:o successPolicy:o backoffLimit:i backoffLimitPerIndex:i maxFailedIndexes:i selector:LabelSelector manualSelector:b template:PodTemplateSpec! ttlSecondsAfterFinished:i completionMode suspend:b podReplacementPolicy managedBy
JobStatus: conditions:Condition[type] startTime:t completionTime:t active:i succeeded:i failed:i terminating:i ready:i completedIndexes failedIndexes uncountedTerminatedPods:o
Job: spec:JobSpec status:JobStatus
JobTemplateSpec: metadata:ObjectMeta spec:JobSpec
CronJobSpec: schedule! timeZone startingDeadlineSeconds:l concurrencyPolicy suspend:b jobTemplate:JobTemplateSpec! successfulJobsHistoryLimit:i failedJobsHistoryLimit:i
CronJobStatus: active:ObjectReference[] lastScheduleTime:t lastSuccessfulTime:t
CronJob: spec:CronJobSpec status:CronJobStatus
CrossVersionObjectReference: kind! name! apiVersion
HorizontalPodAutoscalerSpec: scaleTargetRef:CrossVersionObjectReference! minReplicas:i maxReplicas:i! targetCPUUtilizationPercentage:i
HorizontalPodAutoscalerStatus: observedGeneration:l lastScaleTime:t currentReplicas:i desiredReplicas:i currentCPUUtilizationPercentage:i
HorizontalPodAutoscaler: spec:HorizontalPodAutoscalerSpec status:HorizontalPodAutoscalerStatus
LeaseSpec: holderIdentity leaseDurationSeconds:i acquireTime:t renewTime:t leaseTransitions:i strategy preferredHolder
Lease: spec:LeaseSpec
EndpointConditions: ready:b serving:b terminating:b
SliceEndpoint: addresses[+]! conditions:EndpointConditions hostname targetRef:ObjectReference deprecatedTopology:m nodeName zone hints:o
SlicePort: name protocol port:i appProtocol
EndpointSlice: addressType! endpoints:SliceEndpoint[] ports:SlicePort[]
IngressClassSpec: controller parameters:o
IngressClass: spec:IngressClassSpec
ServiceBackendPort: name number:i
IngressServiceBackend: name! port:ServiceBackendPort
IngressBackend: service:IngressServiceBackend resource:TypedLocalObjectReference
HTTPIngressPath: path pathType backend:IngressBackend!
HTTPIngressRuleValue: paths:HTTPIngressPath[]!
IngressRule: host http:HTTPIngressRuleValue
IngressTLS: hosts[] secretName
IngressSpec: ingressClassName defaultBackend:IngressBackend tls:IngressTLS[] rules:IngressRule[]
IngressStatus: loadBalancer:LoadBalancerStatus
Ingress: spec:IngressSpec status:IngressStatus
NetworkPolicyPort: protocol port:x endPort:i
IPBlock: cidr! except[]
NetworkPolicyPeer: podSelector:LabelSelector namespaceSelector:LabelSelector ipBlock:IPBlock
NetworkPolicyIngressRule: ports:NetworkPolicyPort[] from:NetworkPolicyPeer[]
NetworkPolicyEgressRule: ports:NetworkPolicyPort[] to:NetworkPolicyPeer[]
NetworkPolicySpec: podSelector:LabelSelector ingress:NetworkPolicyIngressRule[] egress:NetworkPolicyEgressRule[] policyTypes[]
NetworkPolicy: spec:NetworkPolicySpec status:o
PodDisruptionBudgetSpec: minAvailable:x selector:LabelSelector maxUnavailable:x unhealthyPodEvictionPolicy
PodDisruptionBudgetStatus: observedGeneration:l disruptedPods:o disruptionsAllowed:i currentHealthy:i desiredHealthy:i expectedPods:i conditions:Condition[type]
PodDisruptionBudget: spec:PodDisruptionBudgetSpec status:PodDisruptionBudgetStatus
PolicyRule: verbs[]! apiGroups[] resources[] resourceNames[] nonResourceURLs[]
Subject: kind! apiGroup name! namespace
RoleRef: apiGroup! kind! name!
AggregationRule: clusterRoleSelectors:LabelSelector[]
ClusterRole: rules:PolicyRule[] aggregationRule:AggregationRule
Role: rules:PolicyRule[]
ClusterRoleBinding: subjects:Subject[] roleRef:RoleRef!
RoleBinding: subjects:Subject[] roleRef:RoleRef!
PriorityClass: value:i! globalDefault:b description preemptionPolicy
StorageClass: provisioner! parameters:m reclaimPolicy mountOptions[] allowVolumeExpansion:b volumeBindingMode allowedTopologies:o[]
CRDNames: plural! singular shortNames[] kind! listKind categories[]
CRDColumn: name! type! format description priority:i jsonPath!
CRDScale: specReplicasPath! statusReplicasPath! labelSelectorPath
CRDSubresources: status:o scale:CRDScale
CRDValidation: openAPIV3Schema:o
SelectableField: jsonPath!
CRDVersion: name! served:b! storage:b! deprecated:b deprecationWarning schema:CRDValidation subresources:CRDSubresources additionalPrinterColumns:CRDColumn[] selectableFields:SelectableField[]
CRDConversion: strategy! webhook:o
CustomResourceDefinitionSpec: group! names:CRDNames! scope! versions:CRDVersion[]! conversion:CRDConversion preserveUnknownFields:b
CustomResourceDefinitionStatus: conditions:Condition[type] acceptedNames:CRDNames storedVersions[]
CustomResourceDefinition: spec:CustomResourceDefinitionSpec! status:CustomResourceDefinitionStatus
`;
