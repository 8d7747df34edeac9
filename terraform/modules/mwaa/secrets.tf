# Names only: values never pass through Terraform, whose state would keep them.
resource "aws_secretsmanager_secret" "connection" {
  for_each    = toset(var.connections)
  name        = "airflow/connections/${each.key}"
  description = "Airflow connection ${each.key} of the billing data aggregator"
  kms_key_id  = var.kms_key_arn
}
