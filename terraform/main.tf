# One environment of the billing data aggregator on MWAA; who runs in it is read from include/clients.yaml.

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

locals {
  name    = coalesce(var.name, "billing-data-aggregator-${var.environment}")
  clients = module.clients.clients
  keys = distinct(compact(concat(
    [var.kms_key_arn], [for entry in values(local.clients) : entry.encryption == "sse-kms" ? entry.kms_key : null]
  )))
}

module "clients" {
  source      = "./modules/clients"
  file        = coalesce(var.clients_file, "${path.module}/../include/clients.yaml")
  environment = var.environment
}

module "source_bucket" {
  source           = "./modules/storage"
  name             = "${local.name}-mwaa"
  kms_key_arn      = var.kms_key_arn
  old_version_days = var.old_version_days
}

module "publications" {
  source           = "./modules/storage"
  for_each         = var.create_buckets ? module.clients.buckets : {}
  name             = each.key
  kms_key_arn      = var.kms_key_arn
  old_version_days = var.old_version_days
  object_acls      = anytrue([for entry in values(local.clients) : entry.acl if entry.bucket == each.key])
}

module "mwaa" {
  source                = "./modules/mwaa"
  name                  = local.name
  environment           = var.environment
  airflow_version       = var.airflow_version
  region                = data.aws_region.this.name
  account_id            = data.aws_caller_identity.this.account_id
  vpc_id                = var.vpc_id
  subnet_ids            = var.subnet_ids
  bucket                = module.source_bucket.name
  bundle                = var.bundle
  publications          = module.clients.buckets
  publication_key_arns  = local.keys
  object_acls           = anytrue([for entry in values(local.clients) : entry.acl])
  object_tags           = anytrue([for entry in values(local.clients) : entry.tags])
  connections           = module.clients.connections
  kms_key_arn           = var.kms_key_arn
  environment_class     = var.environment_class
  workers               = var.workers
  webserver_access_mode = var.webserver_access_mode
  log_retention_days    = var.log_retention_days
  extra_policies        = var.kafka == null ? {} : { kafka = module.kafka[0].policy }
}

module "alarms" {
  source            = "./modules/alarms"
  name              = local.name
  environment       = var.environment
  clients           = local.clients
  log_groups        = module.mwaa.log_groups
  emails            = var.alarm_emails
  publication_hours = var.publication_hours
  kms_key_arn       = var.kms_key_arn
}

module "kafka" {
  source                   = "./modules/kafka"
  count                    = var.kafka == null ? 0 : 1
  name                     = local.name
  cluster_arn              = var.kafka.cluster_arn
  read_topics              = var.kafka.read_topics
  write_topics             = var.kafka.write_topics
  create_topics            = var.kafka.create_topics
  group                    = var.kafka.group
  lag_messages             = var.kafka.lag_messages
  broker_security_group_id = var.kafka.broker_security_group_id
  worker_security_group_id = module.mwaa.security_group_id
  topic_arn                = module.alarms.topic_arn
}

# A quieter log would have no lines to count: the alarms would be silent, or loud, whatever happens.
check "alarms_see_the_log" {
  assert {
    condition     = alltrue([for entry in values(local.clients) : contains(["DEBUG", "INFO"], entry.log_level)])
    error_message = "log_level in clients.yaml is above INFO for some client: the alarms do not see its counters."
  }
}
