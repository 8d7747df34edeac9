# The whole root module with a mocked provider: nothing is asked of AWS.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::000000000000:role/mock" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:000000000000:mock" }
  }
  mock_resource "aws_mwaa_environment" {
    defaults = { webserver_url = "mock.airflow.example.com" }
  }
}

variables {
  environment  = "prod"
  clients_file = "./tests/clients.yaml"
  vpc_id       = "vpc-00000000000000000"
  subnet_ids   = ["subnet-00000000000000000", "subnet-00000000000000001"]
}

run "clients_come_from_the_file" {
  command = apply

  assert {
    condition     = toset(keys(module.publications)) == toset(["bills-prod", "archive-prod"])
    error_message = "the buckets are not those of the enabled clients of prod"
  }
  assert {
    condition = output.secrets == [
      "airflow/connections/cloudfoundry_hourly_prod", "airflow/connections/kafka_hourly_prod",
      "airflow/connections/octopus_hourly_prod", "airflow/connections/octopus_north_prod",
      "airflow/connections/platform", "airflow/connections/slack_alerts", "airflow/connections/warehouse",
    ]
    error_message = "the secrets are not the connections of the clients"
  }
}

run "the_role_reaches_the_prefixes_of_the_clients_only" {
  command = apply

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.policies.publications).Statement : statement.Resource
      if contains(flatten([statement.Action]), "s3:PutObject")
      ])) == toset([
      "arn:aws:s3:::bills-prod/north/prod/*", "arn:aws:s3:::bills-prod/south/prod/*",
      "arn:aws:s3:::bills-prod/files/south/prod/*", "arn:aws:s3:::archive-prod/hourly/prod/*",
    ])
    error_message = "objects can be written elsewhere than below the clients' prefixes"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.publications).Statement :
      try(statement.Condition.StringLike["s3:prefix"], null) != null if contains(flatten([statement.Action]), "s3:ListBucket")
    ])
    error_message = "a bucket can be listed as a whole"
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.publications).Statement :
      alltrue([for action in flatten([statement.Action]) : !strcontains(action, "*")]) && statement.Resource != "*"
    ])
    error_message = "an action or a resource of the package is a wildcard"
  }
  assert {
    condition = one([
      for statement in jsondecode(output.policies.publications).Statement : statement.Resource
      if contains(flatten([statement.Action]), "secretsmanager:GetSecretValue")
    ]) == "arn:aws:secretsmanager:eu-central-1:000000000000:secret:airflow/connections/*"
    error_message = "the role does not read the connections, or more than them"
  }
  assert {
    condition = contains(flatten([
      for statement in jsondecode(output.policies.publications).Statement : statement.Action
    ]), "s3:PutObjectTagging")
    error_message = "a client sets tags, but the role may not"
  }
  assert {
    condition = !contains(flatten([
      for statement in jsondecode(output.policies.publications).Statement : statement.Action
    ]), "s3:PutObjectAcl")
    error_message = "no client sets an ACL, but the role may"
  }
}

run "alarms_cover_each_client" {
  command = apply

  assert {
    condition = output.alarms == tolist([
      "billing-data-aggregator-prod-hourly.alert_failed", "billing-data-aggregator-prod-hourly.deadline_missed",
      "billing-data-aggregator-prod-hourly.export_failed", "billing-data-aggregator-prod-hourly.feed_lost",
      "billing-data-aggregator-prod-hourly.feed_rejected", "billing-data-aggregator-prod-hourly.run_failed",
      "billing-data-aggregator-prod-north.alert_failed", "billing-data-aggregator-prod-north.deadline_missed",
      "billing-data-aggregator-prod-north.export_failed", "billing-data-aggregator-prod-north.nothing_published",
      "billing-data-aggregator-prod-north.run_failed", "billing-data-aggregator-prod-south.alert_failed",
      "billing-data-aggregator-prod-south.export_failed", "billing-data-aggregator-prod-south.nothing_published",
      "billing-data-aggregator-prod-south.run_failed",
    ])
    error_message = "an alarm is missing, or there is one that can never be right"
  }
}

run "kafka_is_optional" {
  command = apply
  variables {
    kafka = {
      cluster_arn  = "arn:aws:kafka:eu-central-1:000000000000:cluster/orders/11111111-2222"
      read_topics  = ["orders"]
      write_topics = ["postings"]
      group        = "billing-orders-hourly-prod"
    }
  }

  assert {
    condition     = length(module.kafka) == 1
    error_message = "the module is not used"
  }
  assert {
    condition = toset(flatten([
      for statement in jsondecode(module.kafka[0].policy).Statement : statement.Resource
      if contains(statement.Action, "kafka-cluster:WriteData")
    ])) == toset(["arn:aws:kafka:eu-central-1:000000000000:topic/orders/11111111-2222/postings"])
    error_message = "the feed can write to another topic than its own"
  }
  assert {
    condition = toset(flatten([
      for statement in jsondecode(module.kafka[0].policy).Statement : statement.Resource
      if contains(statement.Action, "kafka-cluster:ReadData")
      ])) == toset([
      "arn:aws:kafka:eu-central-1:000000000000:topic/orders/11111111-2222/orders",
      "arn:aws:kafka:eu-central-1:000000000000:topic/orders/11111111-2222/postings",
    ])
    error_message = "the feed cannot look for what it has sent, or reads other topics than its own"
  }
  assert {
    condition = flatten([
      for statement in jsondecode(module.kafka[0].policy).Statement : statement.Resource
      if contains(statement.Action, "kafka-cluster:AlterTransactionalId")
    ]) == ["arn:aws:kafka:eu-central-1:000000000000:transactional-id/orders/11111111-2222/billing-orders-hourly-prod"]
    error_message = "the feed may not begin a transaction, or those of others"
  }
  assert {
    condition     = length(module.kafka[0].created_topics) == 0
    error_message = "topics are made that nobody has asked for"
  }
}

run "topics_are_made_where_they_are_asked_for" {
  command = apply
  variables {
    kafka = {
      cluster_arn   = "arn:aws:kafka:eu-central-1:000000000000:cluster/orders/11111111-2222"
      read_topics   = ["orders"]
      write_topics  = ["postings"]
      create_topics = { postings = 4 }
      group         = "billing-orders-hourly-prod"
    }
  }

  assert {
    condition = module.kafka[0].created_topics == [{
      ClusterArn        = "arn:aws:kafka:eu-central-1:000000000000:cluster/orders/11111111-2222"
      TopicName         = "postings"
      PartitionCount    = 4
      ReplicationFactor = 3
    }]
    error_message = "the topic is not made, or not as asked for"
  }
}

