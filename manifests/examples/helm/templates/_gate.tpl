{{/* What to copy. Helm knows one template of each name, also across subcharts: replace "web." by your chart's own name. */}}

{{/* How the names of the release's objects begin: the longest that is added, the Job's, must stay within 63 characters. */}}
{{- define "web.name" -}}
{{- if gt (len .Release.Name) 44 -}}
{{ printf "%s-%s" (.Release.Name | trunc 35 | trimSuffix "-" | trimSuffix ".") (sha256sum .Release.Name | trunc 8) }}
{{- else -}}
{{ .Release.Name }}
{{- end }}
{{- end }}

{{/* The migration's Job. That of a job gate has the revision in its name and stays, so that the pods of each revision find
     theirs. Under Argo CD the revision is always 1: use a schema gate there. */}}
{{- define "web.migration" -}}
{{ include "web.name" . }}-migrate{{ if not .Values.gate.schema }}-{{ .Release.Revision }}{{ end }}
{{- end }}

{{/* What the gate waits for. */}}
{{- define "web.gate-args" -}}
{{- with .Values.gate.schema -}}
{{- if not (and .tool .revision .secret) }}
{{- fail "gate.schema: a schema gate needs tool, revision and secret, all three; ../helm-hook/values.yaml has an example" }}
{{- end -}}
schema, --tool, {{ .tool | quote }}, --revision, {{ .revision | quote }}
{{- else -}}
job, {{ include "web.migration" . }}
{{- end }}
{{- end }}

{{/* A container that waits; its name and its timeout are for who includes it. */}}
{{- define "web.gate-container" -}}
image: {{ .Values.gate.image | quote }}
{{- with .Values.gate.schema }}
env:
  - name: DATABASE_URL
    valueFrom: {secretKeyRef: {name: {{ .secret.name | quote }}, key: {{ .secret.key | quote }}}}
{{- else }}
volumeMounts:
  - {name: gate-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}
terminationMessagePolicy: FallbackToLogsOnError
resources:
  {{- toYaml .Values.gate.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* An item of initContainers, after any native sidecar that it needs. */}}
{{- define "web.gate" -}}
- name: gate
  args: [{{ include "web.gate-args" . }}, --timeout, {{ .Values.gate.timeout | quote }}]
  {{- include "web.gate-container" . | nindent 2 }}
{{- end }}

{{/* An item of volumes, where the gate awaits a Job: what automounting would add, but mounted in the gate only. */}}
{{- define "web.gate-token" -}}
- name: gate-token
  projected:
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}
