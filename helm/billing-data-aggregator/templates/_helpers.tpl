{{/* The name of the runtime ConfigMap and Secret. Not <release>-config: the official chart has one of that name. */}}
{{- define "bda.runtimeName" -}}
bda-runtime-{{ .Release.Name }}
{{- end -}}

{{- define "bda.labels" -}}
app.kubernetes.io/name: billing-data-aggregator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The image that Airflow runs: one place to set it, in the official chart's values. */}}
{{- define "bda.image" -}}
{{ required "airflow.defaultAirflowRepository" .Values.airflow.defaultAirflowRepository }}:{{ required "airflow.defaultAirflowTag" .Values.airflow.defaultAirflowTag }}
{{- end -}}
