{{/* The migration's Job. A Job of the release has its revision in its name: a Job cannot be changed, and that of an
     earlier revision does not open the gate. Under Argo CD the revision is always 1: use a tag there. */}}
{{- define "migration" -}}
{{ .Release.Name }}-migrate{{ if not .Values.gate.schema }}-{{ .Release.Revision }}{{ end }}
{{- end }}

{{/* An item of initContainers, after any native sidecar that it needs. */}}
{{- define "gate" -}}
- name: gate
  image: {{ .Values.gate.image }}
  {{- with .Values.gate.schema }}
  args: [schema, --tool, {{ .tool }}, --revision, {{ .revision | quote }}, --timeout, {{ $.Values.gate.timeout }}]
  env:
    - name: DATABASE_URL
      valueFrom: {secretKeyRef: {name: {{ .secret.name }}, key: {{ .secret.key }}}}
  {{- else }}
  args: [job, {{ include "migration" . }}, --timeout, {{ .Values.gate.timeout }}]
  volumeMounts:
    - {name: gate-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
  {{- end }}
  terminationMessagePolicy: FallbackToLogsOnError
  resources:
    requests: {cpu: 10m, memory: 64Mi}
    limits: {memory: 128Mi}
  securityContext:
    allowPrivilegeEscalation: false
    capabilities: {drop: [ALL]}
    readOnlyRootFilesystem: true
    runAsNonRoot: true
    seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* An item of volumes, where the gate awaits a Job: what automounting would add, but mounted in the gate only. */}}
{{- define "gate-token" -}}
- name: gate-token
  projected:
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}
