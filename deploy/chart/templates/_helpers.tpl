{{- define "kt.name" -}}
{{- if contains "kube-trigger" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-kube-trigger{{ end -}}
{{- end }}

{{- define "kt.selector" -}}
app.kubernetes.io/name: kube-trigger
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kt.labels" -}}
{{ include "kt.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* What the enabled plugins need where rules watch and act. files/rights.yaml is generated from the plugins themselves. */}}
{{- define "kt.rules" -}}
{{- $rights := .Files.Get "files/rights.yaml" | fromYaml }}
{{- $rules := $rights.rules }}
{{- if ne .Values.tenancy.impersonate "never" }}{{ $rules = concat $rules $rights.impersonate }}{{ end }}
{{- if ne .Values.tenancy.impersonate "always" }}
{{- $part := ternary "acting" "withoutSecrets" .Values.rbac.secrets }}
{{- range $name, $needs := $rights.plugins }}
{{- if not (has $name $.Values.plugins.disabled) }}{{ $rules = concat $rules (index $needs $part) }}{{ end }}
{{- end }}
{{- end }}
{{- concat $rules .Values.rbac.extraRules | toYaml }}
{{- end }}

{{/* In the operator's own namespace: its Lease, its digest key. */}}
{{- define "kt.own" -}}
{{- $rights := .Files.Get "files/rights.yaml" | fromYaml }}
{{- $rules := $rights.lease }}
{{- range $name, $needs := $rights.plugins }}
{{- if not (has $name $.Values.plugins.disabled) }}{{ $rules = concat $rules $needs.own }}{{ end }}
{{- end }}
{{- toYaml $rules }}
{{- end }}

{{- define "kt.binding" -}}
{{- $metadata := dict "name" .name }}
{{- if .namespace }}{{ $_ := set $metadata "namespace" .namespace }}{{ end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}
metadata: {{ toJson $metadata }}
rules:
{{ .rules | indent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata: {{ toJson $metadata }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: {{ .kind }}, name: {{ .name }}}
subjects:
  - {kind: ServiceAccount, name: {{ .account }}, namespace: {{ .of }}}
{{ end }}
