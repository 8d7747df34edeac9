output "webserver_url" {
  description = "Where Airflow's UI is."
  value       = module.mwaa.webserver_url
}

output "source_bucket" {
  description = "Bucket for `aws s3 sync build/mwaa/dags s3://<bucket>/dags`."
  value       = module.source_bucket.name
}

output "execution_role_arn" {
  description = "The execution role, for policies of buckets and keys in other accounts."
  value       = module.mwaa.execution_role_arn
}

output "security_group_id" {
  description = "Security group of the workers, for the warehouse's rules."
  value       = module.mwaa.security_group_id
}

output "secrets" {
  description = "Secrets that need a value: the connection as JSON (docs/deploy.md)."
  value       = [for name in module.clients.connections : "airflow/connections/${name}"]
}

output "policies" {
  description = "The execution role's own policies, as JSON."
  value       = module.mwaa.policies
}

output "alarms" {
  description = "Names of all alarms."
  value       = module.alarms.alarms
}

output "alarm_topic_arn" {
  description = "Topic that every alarm is sent to."
  value       = module.alarms.topic_arn
}
