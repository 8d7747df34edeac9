output "name" {
  description = "Name of the environment."
  value       = aws_mwaa_environment.this.name
}

output "webserver_url" {
  description = "Where Airflow's UI is."
  value       = aws_mwaa_environment.this.webserver_url
}

output "execution_role_arn" {
  description = "The execution role, for policies of buckets and keys in other accounts."
  value       = aws_iam_role.execution.arn
}

output "security_group_id" {
  description = "Security group of the workers, for the warehouse's rules."
  value       = aws_security_group.this.id
}

output "log_groups" {
  description = "Component → name of its log group."
  value       = { for component, group in aws_cloudwatch_log_group.this : component => group.name }
}

output "policies" {
  description = "The execution role's own policies, as JSON."
  value       = local.policies
}

output "options" {
  description = "Airflow's configuration options of the environment."
  value       = local.options
}
