# The MWAA environment by itself: versions, network, options, logs.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::000000000000:role/mock" }
  }
}

variables {
  name         = "billing-prod"
  environment  = "prod"
  region       = "eu-central-1"
  account_id   = "000000000000"
  vpc_id       = "vpc-00000000000000000"
  subnet_ids   = ["subnet-00000000000000000", "subnet-00000000000000001"]
  bucket       = "billing-prod-mwaa"
  publications = { bills-prod = ["north/prod/"] }
  connections  = ["octopus_north_prod"]
}

run "as_the_deployment_page_says" {
  command = plan
  module {
    source = "./modules/mwaa"
  }

  assert {
    condition     = aws_mwaa_environment.this.airflow_version == "3.3.1"
    error_message = "the default is not the newest supported version"
  }
  assert {
    condition     = aws_s3_object.startup.content == "#!/bin/sh\nexport BDA_ENVIRONMENT=prod\n"
    error_message = "the environment does not know which one it is"
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 90])
    error_message = "a log group has no retention"
  }
  assert {
    condition     = keys(aws_secretsmanager_secret.connection) == ["octopus_north_prod"]
    error_message = "a connection has no secret"
  }
}

run "the_older_version_is_supported" {
  command = plan
  module {
    source = "./modules/mwaa"
  }
  variables {
    airflow_version = "3.2.1"
  }
}

run "other_versions_are_refused" {
  command = plan
  module {
    source = "./modules/mwaa"
  }
  variables {
    airflow_version = "3.0.6"
  }
  expect_failures = [var.airflow_version]
}

run "one_subnet_is_refused" {
  command = plan
  module {
    source = "./modules/mwaa"
  }
  variables {
    subnet_ids = ["subnet-00000000000000000", "subnet-00000000000000000"]
  }
  expect_failures = [var.subnet_ids]
}
